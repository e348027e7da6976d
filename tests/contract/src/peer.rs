// SPDX-License-Identifier: GPL-2.0

//! The client of an exported device.

use crate::limit;
use crate::pdu;
use crate::stub::Local;
use crate::wire;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use usbip_protocol::{
    flags, CmdSubmit, CmdUnlink, Direction, IsoDescriptor, Reply, Request, RetSubmit, HEADER_LEN,
};

/// How long a reply may take. Short, for some requests are never answered.
const REPLY: Duration = Duration::from_millis(1500);

/// A connection to an exported device, and what has been asked for over it.
pub struct Peer {
    wire: UnixStream,
    devid: u32,
    last: u32,
    asked: HashMap<u32, (Direction, usize)>,
}

impl Peer {
    /// Connects to a device.
    pub fn connect(device: &Local) -> io::Result<Self> {
        Self::over(device, wire::pair()?)
    }

    /// Connects to a device with the second of two ends.
    pub fn over(device: &Local, ends: (UnixStream, UnixStream)) -> io::Result<Self> {
        let (wire, kernels) = ends;
        wire.set_read_timeout(Some(limit::stretched(REPLY)))?;
        wire.set_write_timeout(Some(limit::stretched(REPLY)))?;
        match device.sockfd("FD", &kernels).as_str() {
            "ok" => Ok(Self {
                wire,
                devid: device.devid(),
                last: 0,
                asked: HashMap::new(),
            }),
            refused => Err(io::Error::other(format!("connect: {refused}"))),
        }
    }

    /// A request to play `count` packets of `length` bytes on the sound card, and its packets.
    pub fn playback(&mut self, count: u32, length: u32) -> (CmdSubmit, Vec<IsoDescriptor>) {
        let mut request = self.request(Direction::Out, 1, count * length);
        request.packets = i32::try_from(count).unwrap_or_default();
        request.interval = 8;
        request.flags |= flags::ISO_ASAP;
        let packets = (0..count).map(|index| IsoDescriptor {
            offset: index * length,
            length,
            actual_length: 0,
            status: 0,
        });
        (request, packets.collect())
    }

    /// A request with the next number, for the right device.
    pub fn request(&mut self, direction: Direction, ep: u32, length: u32) -> CmdSubmit {
        self.last += 1;
        CmdSubmit {
            seqnum: self.last,
            devid: self.devid,
            direction,
            ep,
            flags: match direction {
                Direction::In => flags::DIR_IN,
                Direction::Out => 0,
            },
            length,
            start_frame: 0,
            packets: 0,
            interval: 0,
            setup: [0; 8],
        }
    }

    /// A control request with the next number; its direction and length are those of its setup
    /// packet.
    pub fn control_request(&mut self, setup: [u8; 8]) -> CmdSubmit {
        let direction = match setup[0] & 0x80 {
            0 => Direction::Out,
            _ => Direction::In,
        };
        let length = u16::from_le_bytes([setup[6], setup[7]]);
        let mut request = self.request(direction, 0, u32::from(length));
        request.setup = setup;
        request
    }

    /// Sends a request and the data of an OUT transfer.
    pub fn submit(&mut self, request: CmdSubmit, data: &[u8]) -> io::Result<u32> {
        self.submit_packets(request, data, &[])
    }

    /// Sends an isochronous request.
    pub fn submit_packets(
        &mut self,
        request: CmdSubmit,
        data: &[u8],
        packets: &[IsoDescriptor],
    ) -> io::Result<u32> {
        self.asked
            .insert(request.seqnum, (request.direction, packets.len()));
        let mut bytes = Request::Submit(request).encode().to_vec();
        bytes.extend_from_slice(data);
        bytes.extend(packets.iter().flat_map(IsoDescriptor::encode));
        self.send(&bytes)?;
        Ok(request.seqnum)
    }

    /// Sends the cancellation of a request; returns its bytes' number.
    pub fn unlink(&mut self, victim: u32) -> io::Result<u32> {
        self.last += 1;
        let unlink = CmdUnlink {
            seqnum: self.last,
            devid: self.devid,
            victim,
        };
        self.send(&Request::Unlink(unlink).encode())?;
        Ok(self.last)
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)
    }

    /// Carries out a control request without OUT data; returns the reply.
    pub fn control(&mut self, setup: [u8; 8]) -> io::Result<String> {
        let request = self.control_request(setup);
        self.submit(request, &[])?;
        Ok(self.receive())
    }

    /// Whether the device still answers.
    pub fn liveness(&mut self) -> String {
        match self.ask_honestly() {
            Ok(_) => life(&self.receive()),
            Err(_) => "closed".to_owned(),
        }
    }

    /// The answer to what has been sent, and whether the device still answers behind it.
    pub fn answer(&mut self) -> String {
        // Asked at once: an honest request that is answered alone tells that the other one is not.
        let honest = self.ask_honestly().unwrap_or(self.last);
        let first = self.receive();
        if first == "closed" || first == "silence" {
            return first;
        }
        if !first.starts_with(&format!("reply #{honest} ")) {
            return format!("{first}, {}", life(&self.receive()));
        }
        let late = match self.receive_within(limit::QUIET).as_str() {
            "silence" => "unanswered".to_owned(),
            late => late.to_owned(),
        };
        format!("{late}, {}", life(&first))
    }

    /// Asks for the beginning of the device's descriptor, as [`liveness`](Self::liveness) does.
    pub fn ask_honestly(&mut self) -> io::Result<u32> {
        let request = self.control_request([0x80, 6, 0, 1, 0, 0, 8, 0]);
        self.submit(request, &[])
    }

    fn receive_within(&mut self, limit: Duration) -> String {
        let short = self.wire.set_read_timeout(Some(limit::stretched(limit)));
        let reply = self.receive();
        let long = self.wire.set_read_timeout(Some(limit::stretched(REPLY)));
        match short.and(long) {
            Ok(()) => reply,
            Err(error) => error.to_string(),
        }
    }

    /// The next reply as text; `closed` at the end of the connection, `silence` if there is none.
    pub fn receive(&mut self) -> String {
        match self.read_reply() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => "silence".to_owned(),
            Err(_) => "closed".to_owned(),
        }
    }

    fn read_reply(&mut self) -> io::Result<String> {
        let mut header = [0; HEADER_LEN];
        self.wire.read_exact(&mut header)?;
        let base = match header[8..20] {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => "",
            _ => " base not zero",
        };
        match Reply::decode(&header).map_err(|error| io::Error::other(error.to_string()))? {
            Reply::Unlink(ret) => {
                let status = crate::errno::status(ret.status);
                Ok(format!("unlinked #{} status={status}{base}", ret.seqnum))
            }
            Reply::Submit(ret) => Ok(self.read_submit(&ret)? + base),
        }
    }

    fn read_submit(&mut self, ret: &RetSubmit) -> io::Result<String> {
        let (direction, packets) = self
            .asked
            .get(&ret.seqnum)
            .copied()
            .unwrap_or((Direction::Out, 0));
        let mut data = Vec::new();
        if direction == Direction::In {
            data.resize(usize::try_from(ret.actual_length).unwrap_or_default(), 0);
            self.wire.read_exact(&mut data)?;
        }
        let mut text = format!(
            "reply #{} status={} length={}",
            ret.seqnum,
            crate::errno::status(ret.status),
            ret.actual_length
        );
        if ret.packets != 0 {
            text += &format!(" packets={} errors={}", ret.packets, ret.error_count);
        }
        if !data.is_empty() {
            text += &format!(" data={}", pdu::summary(&data));
        }
        // A request that was refused as a whole is answered without packets.
        let count = packets.min(usize::try_from(ret.packets).unwrap_or_default());
        for _ in 0..count {
            let mut bytes = [0; IsoDescriptor::LEN];
            self.wire.read_exact(&mut bytes)?;
            text += &format!(" {}", pdu::packet_text(&IsoDescriptor::decode(&bytes)));
        }
        Ok(text)
    }

    /// Our end of the connection.
    pub fn wire(&self) -> &UnixStream {
        &self.wire
    }

    /// Closes the connection.
    pub fn close(&self) -> io::Result<()> {
        self.wire.shutdown(Shutdown::Both)
    }
}

/// What the reply to an honest request says of the connection.
fn life(reply: &str) -> String {
    match reply.contains(" status=0 length=8 ") {
        true => "alive".to_owned(),
        false => reply.to_owned(),
    }
}
