// SPDX-License-Identifier: GPL-2.0

//! PDUs from the server (stub) to the client (vhci).

use super::{
    error::ProtocolError,
    header::{
        self,
        signed,
        unsigned,
        HEADER_LEN, //
    },
};

/// The outcome of a transfer.
///
/// A reply to an IN request is followed by `actual_length` bytes of payload, also when `status` is
/// an error; an isochronous one is then followed by one
/// [`IsoDescriptor`](super::IsoDescriptor) per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetSubmit {
    /// The seqnum of the CMD_SUBMIT.
    pub seqnum: u32,
    /// 0 or a negative errno, in the numbers of the sender's architecture.
    pub status: i32,
    /// Bytes transferred.
    pub actual_length: i32,
    /// The frame in which an isochronous transfer started.
    pub start_frame: i32,
    /// Isochronous packets.
    pub packets: i32,
    /// Isochronous packets that failed.
    pub error_count: i32,
}

impl RetSubmit {
    /// The actual length, if it lies within 0..=`length`, the length of the request's buffer.
    pub fn checked_length(&self, length: u32) -> Result<u32, ProtocolError> {
        u32::try_from(self.actual_length)
            .ok()
            .filter(|actual| *actual <= length)
            .ok_or(ProtocolError::BadActualLength(self.actual_length))
    }

    /// The status, if it is one a transfer can end with: 0 or a negative errno other than
    /// -EINPROGRESS; -EPROTO for anything else.
    pub const fn checked_status(&self) -> i32 {
        const EPROTO: i32 = -71;
        const EINPROGRESS: i32 = -115;
        const MIN_ERRNO: i32 = -4095;

        match self.status {
            EINPROGRESS => EPROTO,
            MIN_ERRNO..=0 => self.status,
            _ => EPROTO,
        }
    }
}

/// The outcome of a CMD_UNLINK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetUnlink {
    /// The seqnum of the CMD_UNLINK.
    pub seqnum: u32,
    /// The status of the cancelled transfer, or 0 if it had completed already.
    pub status: i32,
}

/// Any PDU a server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// RET_SUBMIT.
    Submit(RetSubmit),
    /// RET_UNLINK.
    Unlink(RetUnlink),
}

impl Reply {
    /// The header of this PDU as it goes on the wire. devid, direction and ep are 0 in replies.
    #[inline]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let words = match *self {
            Self::Submit(ret) => [
                header::RET_SUBMIT,
                ret.seqnum,
                0,
                0,
                0,
                unsigned(ret.status),
                unsigned(ret.actual_length),
                unsigned(ret.start_frame),
                unsigned(ret.packets),
                unsigned(ret.error_count),
                0,
                0,
            ],
            Self::Unlink(ret) => {
                let status = unsigned(ret.status);
                [
                    header::RET_UNLINK,
                    ret.seqnum,
                    0,
                    0,
                    0,
                    status,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ]
            }
        };
        header::to_bytes(&words)
    }

    /// Reads a header.
    #[inline]
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, ProtocolError> {
        let [command, seqnum, _, _, _, status, actual_length, start_frame, packets, error_count, ..] =
            header::to_words(bytes);
        match command {
            header::RET_SUBMIT => Ok(Self::Submit(RetSubmit {
                seqnum,
                status: signed(status),
                actual_length: signed(actual_length),
                start_frame: signed(start_frame),
                packets: signed(packets),
                error_count: signed(error_count),
            })),
            header::RET_UNLINK => Ok(Self::Unlink(RetUnlink {
                seqnum,
                status: signed(status),
            })),
            _ => Err(ProtocolError::UnknownCommand(command)),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::prelude::kunit_tests(usbip_protocol_reply))]
mod tests {
    use super::*;

    fn submit() -> RetSubmit {
        RetSubmit {
            seqnum: 0xd05,
            status: -32,
            actual_length: 8,
            start_frame: 1,
            packets: 2,
            error_count: 3,
        }
    }

    #[test]
    fn submit_round_trip() {
        let bytes = Reply::Submit(submit()).encode();
        assert_eq!(bytes[..8], [0, 0, 0, 3, 0, 0, 0x0d, 5]);
        assert_eq!(bytes[8..20], [0; 12]);
        assert_eq!(bytes[20..24], [0xff, 0xff, 0xff, 0xe0]);
        assert_eq!(bytes[40..], [0; 8]);
        assert_eq!(Reply::decode(&bytes), Ok(Reply::Submit(submit())));
    }

    #[test]
    fn unlink_round_trip() {
        let unlink = Reply::Unlink(RetUnlink {
            seqnum: 1,
            status: -104,
        });
        assert_eq!(Reply::decode(&unlink.encode()), Ok(unlink));
    }

    #[test]
    fn lengths_are_bounded_by_the_request() {
        assert_eq!(submit().checked_length(8), Ok(8));
        assert_eq!(
            submit().checked_length(7),
            Err(ProtocolError::BadActualLength(8))
        );
        let negative = RetSubmit {
            actual_length: -1,
            ..submit()
        };
        assert_eq!(
            negative.checked_length(u32::MAX),
            Err(ProtocolError::BadActualLength(-1))
        );
    }

    #[test]
    fn implausible_status_becomes_eproto() {
        for (wire, expected) in [(0, 0), (-104, -104), (1, -71), (-115, -71), (i32::MIN, -71)] {
            let ret = RetSubmit {
                status: wire,
                ..submit()
            };
            assert_eq!((wire, ret.checked_status()), (wire, expected));
        }
    }

    #[test]
    fn requests_are_not_replies() {
        let mut bytes = Reply::Submit(submit()).encode();
        bytes[3] = 1;
        assert_eq!(Reply::decode(&bytes), Err(ProtocolError::UnknownCommand(1)));
    }
}
