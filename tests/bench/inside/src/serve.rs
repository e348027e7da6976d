// SPDX-License-Identifier: GPL-2.0

//! `bench serve`: a server in user space that answers at once, for vhci alone; `bench serve-crowd`: many in one process.

use crate::paced::Paced;
use crate::ready::Ready;
use crate::{fake, pair};
use rustix::event::epoll::EventFlags;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::process::setpriority_process;
use rustix::thread::set_current_timer_slack;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::thread;
use usbip_protocol::{
    CmdSubmit, Direction, IsoDescriptor, Reply, Request, RetSubmit, RetUnlink, HEADER_LEN,
};

const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";
/// Bus 1, device 2: what the client calls the device in its requests.
const DEVID: u32 = 0x0001_0002;
/// What `attach` calls high speed.
const HIGH_SPEED: u32 = 3;
const EPIPE: i32 = -32;
const ECONNRESET: i32 = -104;
/// `nice`, at its end.
const MOST_FAVOURED: i32 = -20;
/// Room for what is read at a time.
const BUFFER: usize = 1 << 20;

/// Attaches the device and serves it until it is detached.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let (kind, port, manner) = match arguments {
        [kind, port] => (kind, port, ""),
        [kind, port, manner @ ("stuck" | "punctual")] => (kind, port, *manner),
        _ => return Err(io::Error::other("wanted: unix|tcp PORT [stuck|punctual]")),
    };
    let wire = attach(kind, port)?;
    if manner == "punctual" {
        // What a device does is not put off by those who hear of it, nor to save a timer interrupt.
        setpriority_process(None, MOST_FAVOURED)?;
        set_current_timer_slack(NonZeroU64::new(1))?;
    }
    Server::new(wire, manner == "stuck").serve()
}

/// Attaches a device to each of the ports and serves them until one is detached.
pub fn run_crowd(arguments: &[&str]) -> io::Result<()> {
    let [kind, ports @ ..] = arguments else {
        return Err(io::Error::other("wanted: unix|tcp PORT..."));
    };
    let ready = Ready::new()?;
    let mut servers = Vec::new();
    for port in ports {
        let server = Server::new(attach(kind, port)?, false);
        ready.add(&server.wire, servers.len(), EventFlags::IN)?;
        servers.push(server);
    }
    while servers[ready.wait()?].receive()? {}
    Ok(())
}

/// Attaches a device and returns its end of the connection.
fn attach(kind: &str, port: &str) -> io::Result<File> {
    let (wire, drivers) = pair::connect(kind)?;
    let line = format!("{port} {} {DEVID} {HIGH_SPEED}", drivers.as_raw_fd());
    fs::write(ATTACH, line)?;
    Ok(wire)
}

/// The server's end of a connection.
struct Server {
    wire: File,
    /// What was read and has not been answered.
    input: Vec<u8>,
    have: usize,
    /// A PDU on its way out.
    pdu: Vec<u8>,
    paced: Paced,
    /// Whether it answers control requests only, and reads nothing more after any other.
    stuck: bool,
}

impl Server {
    fn new(wire: File, stuck: bool) -> Self {
        Self {
            wire,
            stuck,
            input: vec![0; BUFFER],
            have: 0,
            pdu: Vec::with_capacity(BUFFER),
            paced: Paced::new(),
        }
    }

    /// Reads as much as there is, and answers it PDU by PDU, each with a write of its own.
    fn serve(mut self) -> io::Result<()> {
        loop {
            self.paced.answer(&mut self.wire, &mut self.pdu)?;
            if self.wait()? && !self.receive()? {
                return Ok(());
            }
        }
    }

    /// Reads once and answers; returns whether the device is still attached.
    fn receive(&mut self) -> io::Result<bool> {
        match self.wire.read(&mut self.input[self.have..])? {
            0 => return Ok(false),
            count => self.have += count,
        }
        self.answer()?;
        Ok(true)
    }

    /// Waits until there is something to read, unless a transfer ends first. Where there are none,
    /// reading does the waiting.
    fn wait(&self) -> io::Result<bool> {
        let Some(pause) = self.paced.pause() else {
            return Ok(true);
        };
        let pause = Timespec::try_from(pause).map_err(io::Error::other)?;
        let mut wire = [PollFd::new(&self.wire, PollFlags::IN)];
        Ok(poll(&mut wire, Some(&pause))? > 0)
    }

    fn answer(&mut self) -> io::Result<()> {
        let mut done = 0;
        while let Some((request, length)) = next(&self.input[done..self.have])? {
            done += length;
            self.pdu.clear();
            match request {
                Request::Submit(submit) => self.submit(submit),
                Request::Unlink(unlink) => {
                    let cancelled = self.paced.cancel(unlink.victim);
                    let reply = RetUnlink {
                        seqnum: unlink.seqnum,
                        status: if cancelled { ECONNRESET } else { 0 },
                    };
                    self.pdu.extend(Reply::Unlink(reply).encode());
                }
            }
            self.wire.write_all(&self.pdu)?;
        }
        self.input.copy_within(done..self.have, 0);
        self.have -= done;
        Ok(())
    }

    /// Makes the answer, unless it has to wait.
    fn submit(&mut self, submit: CmdSubmit) {
        if fake::is_isochronous(&submit) {
            return self.paced.push(submit);
        }
        if self.stuck && submit.ep != 0 {
            loop {
                thread::park();
            }
        }
        if submit.ep == 0 {
            let (status, data) = match fake::answer(submit.setup) {
                Some(data) => (0, data),
                None => (EPIPE, &[][..]),
            };
            self.pdu.extend(outcome(&submit, status, data.len()));
            return self.pdu.extend(data);
        }
        let length = submit.length as usize;
        self.pdu.extend(outcome(&submit, 0, length));
        if submit.direction == Direction::In {
            self.pdu.resize(HEADER_LEN + length, 0);
        }
    }
}

/// The first PDU, and its length with all that follows its header, if all of it is there.
fn next(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let request = Request::decode(header).map_err(|error| io::Error::other(error.to_string()))?;
    let follows = match &request {
        Request::Submit(submit) => {
            submit.payload_len() as usize + IsoDescriptor::LEN * submit.packets.max(0) as usize
        }
        Request::Unlink(_) => 0,
    };
    let length = HEADER_LEN + follows;
    Ok((bytes.len() >= length).then_some((request, length)))
}

fn outcome(submit: &CmdSubmit, status: i32, length: usize) -> [u8; HEADER_LEN] {
    Reply::Submit(RetSubmit {
        seqnum: submit.seqnum,
        status,
        actual_length: length as i32,
        start_frame: 0,
        packets: 0,
        error_count: 0,
    })
    .encode()
}
