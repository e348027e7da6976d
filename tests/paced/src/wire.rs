// SPDX-License-Identifier: GPL-2.0

//! Requests with all that follows their headers, and replies to them.

use std::io::{self, Read};
use usbip_protocol::{
    CmdSubmit, CmdUnlink, Direction, IsoDescriptor, Reply, Request, RetSubmit, RetUnlink,
    HEADER_LEN,
};

/// A request for a transfer.
#[derive(Clone, Debug)]
pub struct Submit {
    /// The header.
    pub header: CmdSubmit,
    /// The bytes of an OUT transfer.
    pub data: Vec<u8>,
    /// The packets of an isochronous transfer.
    pub packets: Vec<IsoDescriptor>,
}

/// A request.
#[derive(Clone, Debug)]
pub enum Command {
    /// CMD_SUBMIT.
    Submit(Submit),
    /// CMD_UNLINK.
    Unlink(CmdUnlink),
}

impl Command {
    /// Reads one; fails with `UnexpectedEof` at the end of the stream.
    pub fn read(wire: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; HEADER_LEN];
        wire.read_exact(&mut bytes)?;
        let header = match Request::decode(&bytes).map_err(|error| invalid(&error.to_string()))? {
            Request::Unlink(unlink) => return Ok(Self::Unlink(unlink)),
            Request::Submit(header) => header,
        };
        let length = usize::try_from(header.payload_len()).map_err(|_| invalid("length"))?;
        let mut data = vec![0; length];
        wire.read_exact(&mut data)?;
        let mut packets = Vec::new();
        for _ in 0..header.packets.max(0) {
            let mut bytes = [0; IsoDescriptor::LEN];
            wire.read_exact(&mut bytes)?;
            packets.push(IsoDescriptor::decode(&bytes));
        }
        Ok(Self::Submit(Submit {
            header,
            data,
            packets,
        }))
    }
}

impl Submit {
    /// The endpoint: number and direction.
    pub fn address(&self) -> u8 {
        let direction = match self.header.direction {
            Direction::In => 0x80,
            Direction::Out => 0,
        };
        direction | (self.header.ep & 0xf) as u8
    }

    /// The reply to a transfer that is not isochronous: a status, and the data of an IN transfer.
    pub fn reply(&self, status: i32, data: &[u8]) -> Vec<u8> {
        let length = match self.header.direction {
            Direction::In => data.len(),
            Direction::Out => self.data.len(),
        };
        let mut bytes = self.outcome(status, length, 0).encode().to_vec();
        bytes.extend(data);
        bytes
    }

    /// The reply to an isochronous transfer that began in the frame `start_frame`: its packets as
    /// they are now, and the data of an IN transfer back to back.
    pub fn reply_packets(&self, data: &[u8], start_frame: i32) -> Vec<u8> {
        let length: u32 = self.packets.iter().map(|packet| packet.actual_length).sum();
        let mut bytes = self
            .outcome(0, length as usize, start_frame)
            .encode()
            .to_vec();
        bytes.extend(data);
        bytes.extend(self.packets.iter().flat_map(IsoDescriptor::encode));
        bytes
    }

    fn outcome(&self, status: i32, length: usize, start_frame: i32) -> Reply {
        let failed = self
            .packets
            .iter()
            .filter(|packet| packet.status != 0)
            .count();
        Reply::Submit(RetSubmit {
            seqnum: self.header.seqnum,
            status,
            actual_length: i32::try_from(length).unwrap_or(i32::MAX),
            start_frame,
            packets: self.packets.len() as i32,
            error_count: failed as i32,
        })
    }
}

/// The reply to a CMD_UNLINK.
pub fn ret_unlink(seqnum: u32, status: i32) -> Vec<u8> {
    Reply::Unlink(RetUnlink { seqnum, status })
        .encode()
        .to_vec()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
