// SPDX-License-Identifier: GPL-2.0

//! `bench drive`: a client in user space, for the stub alone.

use crate::pipe::{Completion, Pipe};
use crate::plan::{Kind, Plan};
use crate::sysfs::Device;
use crate::{pair, report, window};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};
use usbip_protocol::{flags, CmdSubmit, Direction, Reply, Request, HEADER_LEN};

/// What `usbip_status` says of a device that a client may have.
const AVAILABLE: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
const SET_CONFIGURATION: [u8; 8] = [0, 9, 1, 0, 0, 0, 0, 0];

/// The client's end of a connection to the stub, and transfers to one endpoint.
struct Client {
    wire: File,
    /// The header of a transfer; its number is that of the one started last.
    header: CmdSubmit,
    plan: Plan,
    /// A PDU on its way out.
    pdu: Vec<u8>,
    input: Vec<u8>,
}

/// Measures and reports; the device is bound to the stub.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [label, busid, kind, plan @ ..] = arguments else {
        return Err(io::Error::other(
            "wanted: LABEL BUSID unix|tcp in|out SIZE DEPTH COUNT",
        ));
    };
    let (device, plan) = (Device((*busid).to_owned()), Plan::parse(plan)?);
    if plan.kind != Kind::Bulk {
        return Err(io::Error::other("only bulk transfers here"));
    }
    let (wire, drivers) = pair::connect(kind)?;
    let mut client = Client::new(&device, wire, plan)?;
    wait_available(&device)?;
    device.write("usbip_sockfd", &drivers.as_raw_fd().to_string())?;
    client.configure()?;
    report::window(label, &window::run(&mut client, &plan)?)
}

/// Waits until the stub has done with the client before.
fn wait_available(device: &Device) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while device.number("usbip_status")? != AVAILABLE {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("{} is not available", device.0)));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

impl Client {
    fn new(device: &Device, wire: File, plan: Plan) -> io::Result<Self> {
        let header = CmdSubmit {
            seqnum: 0,
            devid: device.devid()?,
            direction: plan.direction,
            ep: u32::from(device.endpoint(plan.kind, plan.direction)? & 0xf),
            flags: if plan.direction == Direction::In {
                flags::DIR_IN
            } else {
                0
            },
            length: plan.size as u32,
            start_frame: 0,
            packets: 0,
            interval: 0,
            setup: [0; 8],
        };
        let pdu = Vec::with_capacity(HEADER_LEN + plan.size);
        Ok(Self {
            wire,
            header,
            plan,
            pdu,
            input: vec![0; plan.size],
        })
    }

    /// Sends SET_CONFIGURATION, without which a device that was bound carries nothing.
    fn configure(&mut self) -> io::Result<()> {
        let header = CmdSubmit {
            seqnum: 0,
            direction: Direction::Out,
            ep: 0,
            flags: 0,
            length: 0,
            setup: SET_CONFIGURATION,
            ..self.header
        };
        self.wire.write_all(&Request::Submit(header).encode())?;
        match self.reply()? {
            (_, 0, _) => Ok(()),
            (_, status, _) => Err(io::Error::other(format!(
                "SET_CONFIGURATION: status {status}"
            ))),
        }
    }

    /// Reads a reply: its number, status and length.
    fn reply(&mut self) -> io::Result<(u32, i32, usize)> {
        let mut bytes = [0; HEADER_LEN];
        self.wire.read_exact(&mut bytes)?;
        match Reply::decode(&bytes) {
            Ok(Reply::Submit(reply)) => {
                Ok((reply.seqnum, reply.status, reply.actual_length as usize))
            }
            other => Err(io::Error::other(format!(
                "no reply to a CMD_SUBMIT: {other:?}"
            ))),
        }
    }
}

impl Pipe for Client {
    fn submit(&mut self, slot: usize) -> io::Result<()> {
        // The number tells the slot, and is no other's: each round of numbers has one for each slot.
        let depth = self.plan.depth as u32;
        let round = self.header.seqnum / depth + 1;
        self.header.seqnum = round * depth + slot as u32;
        self.pdu.clear();
        self.pdu.extend(Request::Submit(self.header).encode());
        self.pdu
            .resize(HEADER_LEN + self.header.payload_len() as usize, 0);
        self.wire.write_all(&self.pdu)
    }

    fn complete(&mut self) -> io::Result<Completion> {
        let (seqnum, status, bytes) = self.reply()?;
        if self.plan.direction == Direction::In {
            let input = self
                .input
                .get_mut(..bytes)
                .ok_or_else(|| io::Error::other("too long a reply"))?;
            self.wire.read_exact(input)?;
        }
        let failed = status != 0 || bytes != self.plan.size;
        Ok(Completion {
            slot: seqnum as usize % self.plan.depth,
            bytes,
            failed,
        })
    }
}
