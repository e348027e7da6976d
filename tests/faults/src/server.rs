// SPDX-License-Identifier: GPL-2.0

//! Operations of the stub.

use crate::case::{Bench, Case};
use crate::fault::{Fault, Tasks};
use contract::peer::Peer;
use contract::stub::{Export, Local};
use contract::{attribute, errno, limit};
use std::cell::Cell;
use std::io;
use usbip_protocol::{flags, CmdSubmit, Direction};

/// The bytes of an isochronous packet of the sound card.
const PACKET: u32 = 192;
const PACKETS: u32 = 8;
/// The bytes of a transfer that takes several pages.
const LARGE: u32 = 32 * 1024;

const GET_DESCRIPTOR: [u8; 8] = [0x80, 6, 0, 1, 0, 0, 18, 0];
const SET_CONFIGURATION: [u8; 8] = [0, 9, 1, 0, 0, 0, 0, 0];
const SET_INTERFACE: [u8; 8] = [1, 0x0b, 1, 0, 1, 0, 0, 0];
const CLEAR_HALT_IN: [u8; 8] = [2, 1, 0, 0, 0x81, 0, 0, 0];
const CLEAR_HALT_OUT: [u8; 8] = [2, 1, 0, 0, 0x02, 0, 0, 0];
/// What a client makes of resetting the port (`stub_rx.c`).
const RESET_PORT: [u8; 8] = [0x23, 3, 4, 0, 1, 0, 0, 0];
/// Bulk-Only Mass Storage Reset: the next thing is a command (Bulk-Only Transport, 3.1).
const RESET_STORAGE: [u8; 8] = [0x21, 0xff, 0, 0, 0, 0, 0, 0];

/// The exported devices, which nobody has imported.
pub struct Server {
    stick: Device,
    keyboard: Device,
    sound_card: Device,
}

/// A device that is exported, or is to be.
struct Device {
    local: Local,
    export: Option<Export>,
    /// Whether it has been used since it was last checked: each import resets it, which takes time.
    used: Cell<bool>,
}

const CALLER: Tasks = Tasks::CALLER;
const WORKERS: Tasks = Tasks::WORKERS;
const TX: Tasks = Tasks::threads(&["stub_tx"]);
const RX: Tasks = Tasks::threads(&["stub_rx"]);
const ALL: Tasks = Tasks::all(&["stub_tx", "stub_rx", "kworker/"]);

const DONE: &str = "status=0 length=0";
const READ: &str = "status=0 length=31, status=0 length=32768, status=0 length=13";

/// All there are.
pub const CASES: &[Case<Server>] = &[
    Case::new("server: bind", "caller", CALLER, "ok", bind),
    Case::new("server: import", "caller", CALLER, "ok", import),
    Case::new(
        "server: control in",
        "stub_rx",
        RX,
        "status=0 length=18",
        control,
    ),
    Case::new(
        "server: control in",
        "stub_tx",
        TX,
        "status=0 length=18",
        control,
    ),
    Case::new("server: bulk", "stub_rx", RX, READ, bulk),
    Case::new("server: bulk", "stub_tx", TX, READ, bulk),
    Case::new(
        "server: isochronous out",
        "stub_rx",
        RX,
        "status=0 length=1536 packets=8",
        isochronous,
    ),
    Case::new(
        "server: isochronous out",
        "stub_tx",
        TX,
        "status=0 length=1536 packets=8",
        isochronous,
    ),
    Case::new(
        "server: set configuration",
        "stub_rx",
        RX,
        DONE,
        set_configuration,
    ),
    Case::new(
        "server: set configuration",
        "worker",
        WORKERS,
        DONE,
        set_configuration,
    ),
    Case::new("server: set interface", "stub_rx", RX, DONE, set_interface),
    Case::new(
        "server: set interface",
        "worker",
        WORKERS,
        DONE,
        set_interface,
    ),
    Case::new("server: clear halt", "stub_rx", RX, DONE, clear_halt),
    Case::new("server: clear halt", "worker", WORKERS, DONE, clear_halt),
    Case::new("server: reset", "stub_rx", RX, DONE, reset),
    Case::new("server: reset", "worker", WORKERS, DONE, reset),
    Case::new("server: cancel", "stub_rx", RX, "-ECONNRESET", cancel),
    Case::new("server: cancel", "stub_tx", TX, "-ECONNRESET", cancel),
    Case::new("server: connection lost", "all", ALL, "available", lose),
    Case::new("server: end by usbip_sockfd", "all", ALL, "ok", end),
    Case::new("server: unbind while imported", "all", ALL, "ok", unbind),
];

impl Server {
    /// With everything exported.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            stick: Device::new(Local::stick()?)?,
            keyboard: Device::new(Local::keyboard()?)?,
            sound_card: Device::new(Local::sound_card()?)?,
        })
    }
}

impl Device {
    fn new(local: Local) -> io::Result<Self> {
        let mut device = Self {
            local,
            export: None,
            used: Cell::new(true),
        };
        device.export()?;
        Ok(device)
    }

    fn export(&mut self) -> io::Result<()> {
        if self.export.is_none() {
            self.export = Some(self.local.export()?);
        }
        Ok(())
    }

    /// A client whose requests up to here have been answered.
    fn prepared(&self, setups: &[[u8; 8]]) -> io::Result<Peer> {
        self.used.set(true);
        let mut peer = Peer::connect(&self.local)?;
        for setup in setups {
            peer.control(*setup)?;
        }
        Ok(peer)
    }

    fn check(&mut self) -> io::Result<()> {
        self.export()?;
        if !self.used.replace(false) {
            return Ok(());
        }
        let is_available = limit::wait_until(|| {
            self.local.keep_exported();
            self.local.is_available()
        });
        if !is_available {
            let status = self.local.status();
            return Err(io::Error::other(format!("not available: {status}")));
        }
        let life = Peer::connect(&self.local)?.liveness();
        match life.as_str() {
            "alive" if self.local.wait_available() => Ok(()),
            _ => Err(io::Error::other(format!("honest client: {life}"))),
        }
    }
}

impl Bench for Server {
    fn check(&mut self) -> io::Result<()> {
        [&mut self.stick, &mut self.keyboard, &mut self.sound_card]
            .into_iter()
            .try_for_each(Device::check)
    }
}

/// A reply without its number and its data.
fn brief(reply: &str) -> String {
    let words = reply.split_whitespace().filter(|word| {
        ["status=", "length=", "packets="]
            .iter()
            .any(|field| word.starts_with(field))
    });
    let brief: Vec<&str> = words.collect();
    match brief.is_empty() {
        true => reply.to_owned(),
        false => brief.join(" "),
    }
}

fn bind(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let stick = &mut server.stick;
    stick.used.set(true);
    stick.export = None;
    match fault.during(|| stick.local.export())? {
        Ok(export) => {
            stick.export = Some(export);
            Ok("ok".to_owned())
        }
        Err(error) => {
            stick.local.keep_exported();
            let is_available = stick.local.wait_available();
            stick.local.give_back();
            match is_available {
                true => Ok(error.to_string()),
                false => Err(io::Error::other(format!("{error}, and never again"))),
            }
        }
    }
}

fn import(server: &mut Server, fault: &Fault) -> io::Result<String> {
    server.stick.used.set(true);
    let local = &server.stick.local;
    Ok(match fault.during(|| Peer::connect(local))? {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    })
}

fn ask(device: &Device, fault: &Fault, before: &[[u8; 8]], setup: [u8; 8]) -> io::Result<String> {
    let mut peer = device.prepared(before)?;
    let reply = fault.during(|| peer.control(setup))?;
    Ok(reply.map_or_else(|error| errno::of(&error), |reply| brief(&reply)))
}

fn control(server: &mut Server, fault: &Fault) -> io::Result<String> {
    ask(&server.stick, fault, &[], GET_DESCRIPTOR)
}

fn set_configuration(server: &mut Server, fault: &Fault) -> io::Result<String> {
    ask(&server.stick, fault, &[], SET_CONFIGURATION)
}

fn set_interface(server: &mut Server, fault: &Fault) -> io::Result<String> {
    ask(
        &server.sound_card,
        fault,
        &[SET_CONFIGURATION],
        SET_INTERFACE,
    )
}

fn clear_halt(server: &mut Server, fault: &Fault) -> io::Result<String> {
    ask(&server.stick, fault, &[SET_CONFIGURATION], CLEAR_HALT_IN)
}

fn reset(server: &mut Server, fault: &Fault) -> io::Result<String> {
    ask(&server.stick, fault, &[], RESET_PORT)
}

/// Reads sectors, into a buffer of pieces (Bulk-Only Transport, 5).
fn bulk(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let mut peer = server.stick.prepared(&[
        SET_CONFIGURATION,
        RESET_STORAGE,
        CLEAR_HALT_IN,
        CLEAR_HALT_OUT,
    ])?;
    let mut command = b"USBC1234".to_vec();
    command.extend(LARGE.to_le_bytes());
    command.extend([0x80, 0, 10, 0x28, 0, 0, 0, 0, 0, 0, 0, 64, 0]);
    command.resize(31, 0);
    let first = peer.request(Direction::Out, 2, 31);
    let mut second = peer.request(Direction::In, 1, LARGE);
    second.flags |= flags::DMA_MAP_SG;
    let third = peer.request(Direction::In, 1, 13);
    fault.during(|| {
        let steps: [(CmdSubmit, &[u8]); 3] = [(first, &command), (second, &[]), (third, &[])];
        let mut replies = Vec::new();
        for (request, data) in steps {
            let reply = match peer.submit(request, data) {
                Ok(_) => peer.receive(),
                Err(error) => errno::of(&error),
            };
            let is_last = !reply.contains("status=0 ");
            replies.push(brief(&reply));
            if is_last {
                break;
            }
        }
        replies.join(", ")
    })
}

fn isochronous(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let mut peer = server
        .sound_card
        .prepared(&[SET_CONFIGURATION, SET_INTERFACE])?;
    let (request, packets) = peer.playback(PACKETS, PACKET);
    let data = vec![0; usize::try_from(request.length).unwrap_or_default()];
    fault.during(|| match peer.submit_packets(request, &data, &packets) {
        Ok(_) => brief(&peer.receive()),
        Err(error) => errno::of(&error),
    })
}

fn cancel(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let mut peer = server.keyboard.prepared(&[SET_CONFIGURATION])?;
    let mut request = peer.request(Direction::In, 1, 8);
    request.interval = 8;
    let victim = peer.submit(request, &[])?;
    // Answered behind the other: that one is on its way.
    peer.control(GET_DESCRIPTOR)?;
    fault.during(|| match peer.unlink(victim) {
        Ok(_) => {
            let reply = peer.receive();
            reply
                .split_once("status=")
                .map_or(reply.clone(), |(_, status)| status.to_owned())
        }
        Err(error) => errno::of(&error),
    })
}

fn lose(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let local = &server.keyboard.local;
    let mut peer = server.keyboard.prepared(&[SET_CONFIGURATION])?;
    let request = peer.request(Direction::In, 1, 8);
    peer.submit(request, &[])?;
    fault.during(|| {
        peer.close().map(|()| match local.wait_available() {
            true => "available".to_owned(),
            false => local.status(),
        })
    })?
}

fn end(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let local = &server.keyboard.local;
    let peer = server.keyboard.prepared(&[SET_CONFIGURATION])?;
    fault.during(|| {
        let written = local.sockfd("-1", peer.wire());
        local.wait_available();
        written
    })
}

fn unbind(server: &mut Server, fault: &Fault) -> io::Result<String> {
    let device = &mut server.keyboard;
    let _peer = device.prepared(&[SET_CONFIGURATION])?;
    let written = fault.during(|| device.local.unbind("usbip-host"))?;
    // Gives it back to its own driver.
    device.export = None;
    let driver = attribute::target(device.local.file("driver"));
    match driver.as_str() {
        "usb" => Ok(written),
        _ => Ok(format!("{written}, driver {driver}")),
    }
}
