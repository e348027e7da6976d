// SPDX-License-Identifier: GPL-2.0

//! PDUs from a client, as they were read from the wire, and as text.

use crate::{errno, escape};
use std::io::{self, Read};
use usbip_protocol::{CmdSubmit, Direction, IsoDescriptor, Reply, Request, RetSubmit, HEADER_LEN};

/// A request with what followed its header.
#[derive(Clone, Debug)]
pub struct Pdu {
    /// The header.
    pub request: Request,
    /// The bytes of an OUT transfer.
    pub payload: Vec<u8>,
    /// The packets of an isochronous transfer.
    pub packets: Vec<IsoDescriptor>,
}

impl Pdu {
    /// Reads one; fails at the end of the stream.
    pub fn read(wire: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; HEADER_LEN];
        wire.read_exact(&mut header)?;
        let request =
            Request::decode(&header).map_err(|error| io::Error::other(error.to_string()))?;
        let (mut payload, mut packets) = (Vec::new(), Vec::new());
        if let Request::Submit(submit) = request {
            payload.resize(usize::try_from(submit.payload_len()).unwrap_or_default(), 0);
            wire.read_exact(&mut payload)?;
            for _ in 0..submit.packets.max(0) {
                let mut bytes = [0; IsoDescriptor::LEN];
                wire.read_exact(&mut bytes)?;
                packets.push(IsoDescriptor::decode(&bytes));
            }
        }
        Ok(Self {
            request,
            payload,
            packets,
        })
    }

    /// The number the replies to this request carry.
    pub fn seqnum(&self) -> u32 {
        match self.request {
            Request::Submit(submit) => submit.seqnum,
            Request::Unlink(unlink) => unlink.seqnum,
        }
    }

    /// The header, if this is a CMD_SUBMIT.
    pub fn submit(&self) -> Option<&CmdSubmit> {
        match &self.request {
            Request::Submit(submit) => Some(submit),
            Request::Unlink(_) => None,
        }
    }

    /// Everything in the request, its numbers counted from `first`.
    pub fn text(&self, first: u32) -> String {
        let submit = match &self.request {
            Request::Submit(submit) => submit,
            Request::Unlink(unlink) => {
                let seqnum = unlink.seqnum.wrapping_sub(first);
                let victim = unlink.victim.wrapping_sub(first);
                return format!("unlink #{seqnum} of #{victim} devid={:08x}", unlink.devid);
            }
        };
        let mut text = format!(
            "submit #{} devid={:08x} {} flags={:x} length={}",
            submit.seqnum.wrapping_sub(first),
            submit.devid,
            endpoint(submit),
            submit.flags,
            submit.length,
        );
        for (name, value) in [
            ("start", submit.start_frame),
            ("packets", submit.packets),
            ("interval", submit.interval),
        ] {
            if value != 0 {
                text += &format!(" {name}={value}");
            }
        }
        if submit.ep == 0 || submit.setup != [0; 8] {
            text += &format!(" setup={}", escape::hex(&submit.setup));
        }
        if !self.payload.is_empty() {
            text += &format!(" data={}", summary(&self.payload));
        }
        for packet in &self.packets {
            text += &format!(" {}", packet_text(packet));
        }
        text
    }
}

fn endpoint(submit: &CmdSubmit) -> String {
    let direction = match submit.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    format!("ep{}{direction}", submit.ep)
}

/// Bytes, long ones by their beginning, number and sum.
pub fn summary(bytes: &[u8]) -> String {
    if bytes.len() <= 32 {
        return escape::hex(bytes);
    }
    let sum = bytes
        .iter()
        .fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
    format!(
        "{}..{}bytes:{sum:08x}",
        escape::hex(&bytes[..8]),
        bytes.len()
    )
}

/// An isochronous packet: where it is, how much came, how it ended.
pub fn packet_text(packet: &IsoDescriptor) -> String {
    let status = errno::status(packet.status);
    format!(
        "{}+{}:{}:{status}",
        packet.offset, packet.length, packet.actual_length
    )
}

/// A RET_SUBMIT for a transfer that is not isochronous.
pub fn ret_submit(seqnum: u32, status: i32, data: &[u8]) -> Vec<u8> {
    let actual_length = i32::try_from(data.len()).unwrap_or(i32::MAX);
    let mut bytes = ret_length(seqnum, status, actual_length);
    bytes.extend_from_slice(data);
    bytes
}

/// The header of a RET_SUBMIT that gives a length, whatever follows.
pub fn ret_length(seqnum: u32, status: i32, actual_length: i32) -> Vec<u8> {
    let ret = RetSubmit {
        seqnum,
        status,
        actual_length,
        start_frame: 0,
        packets: 0,
        error_count: 0,
    };
    Reply::Submit(ret).encode().to_vec()
}

/// A RET_UNLINK.
pub fn ret_unlink(seqnum: u32, status: i32) -> Vec<u8> {
    let ret = usbip_protocol::RetUnlink { seqnum, status };
    Reply::Unlink(ret).encode().to_vec()
}

/// A RET_SUBMIT of an isochronous transfer, whatever follows.
pub fn ret_iso(ret: RetSubmit, data: &[u8], packets: &[IsoDescriptor]) -> Vec<u8> {
    let mut bytes = Reply::Submit(ret).encode().to_vec();
    bytes.extend_from_slice(data);
    bytes.extend(packets.iter().flat_map(IsoDescriptor::encode));
    bytes
}
