// SPDX-License-Identifier: GPL-2.0

//! Isochronous packet descriptors and their index arithmetic.

use super::{
    error::ProtocolError,
    header::{
        signed,
        unsigned, //
    },
};

/// The most packets one isochronous transfer may have.
pub const MAX_ISO_PACKETS: usize = 1024;

/// One packet of an isochronous transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IsoDescriptor {
    /// Where the packet starts in the transfer buffer, in bytes.
    pub offset: u32,
    /// Bytes asked for.
    pub length: u32,
    /// Bytes transferred.
    pub actual_length: u32,
    /// 0 or a negative errno.
    pub status: i32,
}

impl IsoDescriptor {
    /// Bytes of a descriptor on the wire.
    pub const LEN: usize = 16;

    /// The descriptor as it goes on the wire.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words = [
            self.offset,
            self.length,
            self.actual_length,
            unsigned(self.status),
        ];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// Reads a descriptor.
    pub fn decode(bytes: &[u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
        Self {
            offset: u32::from_be_bytes([a, b, c, d]),
            length: u32::from_be_bytes([e, f, g, h]),
            actual_length: u32::from_be_bytes([i, j, k, l]),
            status: signed(u32::from_be_bytes([m, n, o, p])),
        }
    }

    /// The first byte behind the packet's place in the buffer.
    fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.length)
    }
}

/// Checks the descriptors of a CMD_SUBMIT against a buffer of `length` bytes: every packet lies
/// inside of the buffer and nothing has been transferred yet.
pub fn check_request(descriptors: &[IsoDescriptor], length: u32) -> Result<(), ProtocolError> {
    if let Some(index) = descriptors
        .iter()
        .position(|packet| packet.end() > u64::from(length))
    {
        return Err(ProtocolError::PacketRange { index });
    }
    check_sum(descriptors, 0)
}

/// Checks that the packets add up to `actual_length`, the number in the PDU's header.
pub fn check_sum(descriptors: &[IsoDescriptor], actual_length: u32) -> Result<(), ProtocolError> {
    let packets = descriptors
        .iter()
        .map(|packet| u64::from(packet.actual_length))
        .sum();
    if packets != u64::from(actual_length) {
        return Err(ProtocolError::PacketSum {
            packets,
            header: actual_length,
        });
    }
    Ok(())
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::prelude::kunit_tests(usbip_protocol_iso))]
mod tests {
    use super::*;

    fn packet(offset: u32, length: u32, actual_length: u32) -> IsoDescriptor {
        IsoDescriptor {
            offset,
            length,
            actual_length,
            status: -18,
        }
    }

    #[test]
    fn round_trip() {
        let packet = packet(0x0102_0304, 192, 188);
        let bytes = packet.encode();
        assert_eq!(bytes[..4], [1, 2, 3, 4]);
        assert_eq!(bytes[12..], [0xff, 0xff, 0xff, 0xee]);
        assert_eq!(IsoDescriptor::decode(&bytes), packet);
    }

    #[test]
    fn requests_stay_inside_of_the_buffer() {
        assert_eq!(
            check_request(&[packet(0, 8, 0), packet(8, 8, 0)], 16),
            Ok(())
        );
        assert_eq!(
            check_request(&[packet(0, 8, 0), packet(9, 8, 0)], 16),
            Err(ProtocolError::PacketRange { index: 1 })
        );
        assert_eq!(
            check_request(&[packet(u32::MAX, u32::MAX, 0)], u32::MAX),
            Err(ProtocolError::PacketRange { index: 0 })
        );
    }

    #[test]
    fn requests_have_transferred_nothing() {
        assert_eq!(
            check_request(&[packet(0, 8, 1)], 16),
            Err(ProtocolError::PacketSum {
                packets: 1,
                header: 0
            })
        );
    }

    #[test]
    fn sums_do_not_overflow() {
        let packets = [packet(0, 0, u32::MAX), packet(0, 0, 1)];
        assert_eq!(
            check_sum(&packets, 0),
            Err(ProtocolError::PacketSum {
                packets: 1 << 32,
                header: 0
            })
        );
    }
}
