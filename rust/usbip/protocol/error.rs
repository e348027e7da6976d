// SPDX-License-Identifier: GPL-2.0

//! What can be wrong with a PDU.

use core::fmt;

/// A PDU that cannot be understood.
///
/// After any of these the position in the byte stream is unknown, so the connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The command word is none that this side of a connection receives.
    UnknownCommand(u32),
    /// The direction word of a CMD_SUBMIT is neither 0 (OUT) nor 1 (IN), so whether a payload
    /// follows is unknown.
    BadDirection(u32),
    /// A buffer length is negative.
    NegativeLength(i32),
    /// A count of isochronous packets is above [`MAX_ISO_PACKETS`](super::MAX_ISO_PACKETS).
    TooManyPackets(i32),
    /// A reply carries more bytes or packets than were asked for, or fewer than none.
    BadActualLength(i32),
    /// The packets of an isochronous transfer do not add up to its actual length.
    PacketSum {
        /// The sum of the `actual_length` of all packets, in bytes.
        packets: u64,
        /// The actual length the header gives, in bytes.
        header: u32,
    },
    /// An isochronous packet lies outside of the transfer buffer, or holds more than its length.
    PacketRange {
        /// The index of the packet.
        index: usize,
    },
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownCommand(command) => write!(f, "unknown pdu {command:#x}"),
            Self::BadDirection(direction) => write!(f, "invalid direction {direction}"),
            Self::NegativeLength(length) => write!(f, "negative transfer length {length}"),
            Self::TooManyPackets(count) => write!(f, "invalid number of iso packets {count}"),
            Self::BadActualLength(length) => write!(f, "invalid actual length {length}"),
            Self::PacketSum { packets, header } => write!(
                f,
                "total length of iso packets {packets} not equal to actual length of buffer \
                 {header}"
            ),
            Self::PacketRange { index } => write!(f, "iso packet {index} outside of the buffer"),
        }
    }
}
