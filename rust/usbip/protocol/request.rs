// SPDX-License-Identifier: GPL-2.0

//! PDUs from the client (vhci) to the server (stub).

use super::{
    error::ProtocolError,
    header::{
        self,
        signed,
        unsigned,
        Direction,
        HEADER_LEN, //
    },
    iso::MAX_ISO_PACKETS,
};

/// A request to start a transfer.
///
/// An OUT request is followed by `length` bytes of payload; an isochronous one is then followed by
/// one [`IsoDescriptor`](super::IsoDescriptor) per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmdSubmit {
    /// Names the request for the replies to it; chosen by the client.
    pub seqnum: u32,
    /// The remote device, `busnum << 16 | devnum`.
    pub devid: u32,
    /// Where the data goes.
    pub direction: Direction,
    /// The endpoint number. 0 to 15 from an honest peer, any value from another.
    pub ep: u32,
    /// [Wire flags](super::flags).
    pub flags: u32,
    /// Bytes in the transfer buffer.
    pub length: u32,
    /// The frame in which an isochronous transfer is to start.
    pub start_frame: i32,
    /// Isochronous packets. Other transfers carry 0 or -1, depending on the client.
    pub packets: i32,
    /// The period of interrupt and isochronous transfers, in frames or microframes.
    pub interval: i32,
    /// The setup packet of a control transfer, zero for others.
    pub setup: [u8; 8],
}

impl CmdSubmit {
    /// The number of isochronous packets, if it lies within 1..=[`MAX_ISO_PACKETS`].
    pub fn iso_packets(&self) -> Result<usize, ProtocolError> {
        usize::try_from(self.packets)
            .ok()
            .filter(|count| (1..=MAX_ISO_PACKETS).contains(count))
            .ok_or(ProtocolError::TooManyPackets(self.packets))
    }

    /// Bytes of payload that follow the header, isochronous descriptors not included.
    pub const fn payload_len(&self) -> u32 {
        match self.direction {
            Direction::Out => self.length,
            Direction::In => 0,
        }
    }

    #[inline]
    fn encode(&self) -> [u8; HEADER_LEN] {
        let [a, b, c, d, e, f, g, h] = self.setup;
        header::to_bytes(&[
            header::CMD_SUBMIT,
            self.seqnum,
            self.devid,
            self.direction.to_wire(),
            self.ep,
            self.flags,
            self.length,
            unsigned(self.start_frame),
            unsigned(self.packets),
            unsigned(self.interval),
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        ])
    }

    #[inline]
    fn decode(words: &header::Words) -> Result<Self, ProtocolError> {
        let [_, seqnum, devid, direction, ep, flags, length, start_frame, packets, interval, s0, s1] =
            *words;
        let [a, b, c, d] = s0.to_be_bytes();
        let [e, f, g, h] = s1.to_be_bytes();
        if signed(length) < 0 {
            return Err(ProtocolError::NegativeLength(signed(length)));
        }
        Ok(Self {
            seqnum,
            devid,
            direction: Direction::from_wire(direction)
                .ok_or(ProtocolError::BadDirection(direction))?,
            ep,
            flags,
            length,
            start_frame: signed(start_frame),
            packets: signed(packets),
            interval: signed(interval),
            setup: [a, b, c, d, e, f, g, h],
        })
    }
}

/// A request to cancel a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmdUnlink {
    /// Names this request for the reply to it.
    pub seqnum: u32,
    /// The remote device, `busnum << 16 | devnum`.
    pub devid: u32,
    /// The seqnum of the CMD_SUBMIT to cancel.
    pub victim: u32,
}

/// Any PDU a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// CMD_SUBMIT.
    Submit(CmdSubmit),
    /// CMD_UNLINK.
    Unlink(CmdUnlink),
}

impl Request {
    /// The header of this PDU as it goes on the wire.
    #[inline]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        match self {
            Self::Submit(submit) => submit.encode(),
            Self::Unlink(unlink) => header::to_bytes(&[
                header::CMD_UNLINK,
                unlink.seqnum,
                unlink.devid,
                0,
                0,
                unlink.victim,
                0,
                0,
                0,
                0,
                0,
                0,
            ]),
        }
    }

    /// Reads a header.
    ///
    /// Unused words are not looked at; the C stack leaves them out of its checks as well.
    #[inline]
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, ProtocolError> {
        let words = header::to_words(bytes);
        let [command, seqnum, devid, _, _, victim, ..] = words;
        match command {
            header::CMD_SUBMIT => CmdSubmit::decode(&words).map(Self::Submit),
            header::CMD_UNLINK => Ok(Self::Unlink(CmdUnlink {
                seqnum,
                devid,
                victim,
            })),
            _ => Err(ProtocolError::UnknownCommand(command)),
        }
    }

    /// The device this request is for.
    pub const fn devid(&self) -> u32 {
        match self {
            Self::Submit(submit) => submit.devid,
            Self::Unlink(unlink) => unlink.devid,
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::prelude::kunit_tests(usbip_protocol_request)
)]
mod tests {
    use super::*;

    fn submit() -> CmdSubmit {
        CmdSubmit {
            seqnum: 0xd05,
            devid: 0x0001_000f,
            direction: Direction::In,
            ep: 2,
            flags: 0x200,
            length: 0x40,
            start_frame: -1,
            packets: -1,
            interval: 4,
            setup: [0x80, 6, 0, 1, 0, 0, 0x40, 0],
        }
    }

    /// The example of usbip_protocol.rst: "CmdIntrIN".
    #[test]
    fn submit_has_the_documented_layout() {
        let bytes = Request::Submit(submit()).encode();
        assert_eq!(bytes[..4], [0, 0, 0, 1]);
        assert_eq!(bytes[4..8], [0, 0, 0x0d, 5]);
        assert_eq!(bytes[8..12], [0, 1, 0, 0x0f]);
        assert_eq!(bytes[12..20], [0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(bytes[20..28], [0, 0, 2, 0, 0, 0, 0, 0x40]);
        assert_eq!(bytes[28..36], [0xff; 8]);
        assert_eq!(bytes[36..40], [0, 0, 0, 4]);
        assert_eq!(bytes[40..], [0x80, 6, 0, 1, 0, 0, 0x40, 0]);
        assert_eq!(Request::decode(&bytes), Ok(Request::Submit(submit())));
    }

    #[test]
    fn unlink_round_trip() {
        let unlink = Request::Unlink(CmdUnlink {
            seqnum: 7,
            devid: 9,
            victim: 5,
        });
        let bytes = unlink.encode();
        assert_eq!(bytes[12..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(Request::decode(&bytes), Ok(unlink));
    }

    #[test]
    fn unlink_padding_is_ignored() {
        let mut bytes = Request::Unlink(CmdUnlink {
            seqnum: 7,
            devid: 9,
            victim: 5,
        })
        .encode();
        bytes[24..].fill(0xaa);
        assert!(Request::decode(&bytes).is_ok());
    }

    #[test]
    fn hostile_submits_are_refused() {
        let mut bytes = Request::Submit(submit()).encode();
        bytes[15] = 2;
        assert_eq!(Request::decode(&bytes), Err(ProtocolError::BadDirection(2)));
        let mut bytes = Request::Submit(submit()).encode();
        bytes[24] = 0x80;
        assert_eq!(
            Request::decode(&bytes),
            Err(ProtocolError::NegativeLength(i32::MIN + 0x40))
        );
        let mut bytes = Request::Submit(submit()).encode();
        bytes[3] = 3;
        assert_eq!(
            Request::decode(&bytes),
            Err(ProtocolError::UnknownCommand(3))
        );
    }

    #[test]
    fn iso_packets_are_bounded() {
        for (packets, good) in [
            (-1, false),
            (0, false),
            (1, true),
            (1024, true),
            (1025, false),
        ] {
            let submit = CmdSubmit {
                packets,
                ..submit()
            };
            assert_eq!((packets, submit.iso_packets().is_ok()), (packets, good));
        }
    }
}
