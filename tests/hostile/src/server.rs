// SPDX-License-Identifier: GPL-2.0

//! Sessions against the virtual host controller.

use crate::device::Device;
use crate::mutation::{self, Message};
use crate::program;
use crate::run::{self, Counts, Failure};
use contract::import::Import;
use contract::pdu::Pdu;
use contract::pipe;
use contract::scripted::{Scripted, Speed};
use contract::server::Server as Honest;
use contract::vhci::{Vhci, FREE};
use contract::{lane, limit};
use fastrand::Rng;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// One in so many replies is mutated.
const RATE: usize = 8;
/// How long a session waits for a device whose server may be lying.
const ENUMERATION: Duration = Duration::from_secs(2);
/// The speeds of the devices: each has descriptors and a hub of its own.
const SPEEDS: [Speed; 4] = [Speed::High, Speed::Super, Speed::Full, Speed::Low];

/// One connection: a device that is told of, most of it true, and used; whatever the driver makes
/// of that, the port is free again.
pub fn session(rng: &mut Rng, counts: &Arc<Counts>) -> Result<(), Failure> {
    let scripted = Scripted {
        speed: SPEEDS[rng.usize(..SPEEDS.len())],
    };
    let failure = |error: std::io::Error| Failure::new(format!("attach: {error}"));
    let wire = run::WIRES[rng.usize(..run::WIRES.len())];
    let (wire, kernels) = wire.connect().map_err(failure)?;
    let port = port(scripted.speed, rng.u32(..8));
    // Before the device can be used there is more to get wrong, and less to get at.
    let lies = Arc::new(AtomicBool::new(rng.usize(..3) == 0));
    let serving = {
        let (wire, lies, counts) = (
            wire.try_clone().map_err(failure)?,
            lies.clone(),
            counts.clone(),
        );
        let rng = rng.fork();
        thread::spawn(move || serve(rng, wire, Device::new(scripted), &lies, &counts))
    };
    let import = attach(scripted.speed, &wire, kernels, port)?;
    if wait_configured(&import, port) {
        lies.store(true, Ordering::SeqCst);
        program::run(rng, &import, &wire);
    }
    // What waits for the server's say is given back by the end of the connection.
    let _ = wire.shutdown(Shutdown::Both);
    let _ = serving.join();
    import.detach();
    match Vhci.wait_state(port, FREE) {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "port {port} is not free: {}",
            import.row()
        ))),
    }
}

/// An honest server's device works.
pub fn check() -> Result<(), Failure> {
    let failure = |error: std::io::Error| Failure::new(format!("honest device: {error}"));
    let import = Import::configured(Speed::High).map_err(failure)?;
    let interface = import.open().map_err(failure)?;
    match pipe::liveness(&import, &interface).as_str() {
        "alive" => Ok(()),
        dead => Err(Failure::new(format!("honest device: {dead}"))),
    }
}

fn port(speed: Speed, index: u32) -> u32 {
    let vhci = Vhci;
    let hub = if speed.is_super() {
        vhci.hub_ports()
    } else {
        0
    };
    vhci.port(lane::current(), hub + index)
}

fn attach(
    speed: Speed,
    wire: &UnixStream,
    kernels: UnixStream,
    port: u32,
) -> Result<Import, Failure> {
    let attached = wire
        .try_clone()
        .and_then(|wire| Import::over_at(Honest::silent(wire), kernels, port, speed));
    attached.map_err(|error| {
        let _ = wire.shutdown(Shutdown::Both);
        Failure::new(format!("port {port}: {error}"))
    })
}

/// Waits until the device can be used, or cannot be any more.
fn wait_configured(import: &Import, port: u32) -> bool {
    let vhci = Vhci;
    let deadline = Instant::now() + limit::stretched(ENUMERATION);
    while Instant::now() < deadline {
        if import.attributes(&["bConfigurationValue"]) == "\"1\\n\"" {
            return true;
        }
        if vhci.row(port).is_none_or(|row| row.state == FREE) {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Answers requests until the connection ends.
fn serve(
    mut rng: Rng,
    mut wire: UnixStream,
    mut device: Device,
    lies: &AtomicBool,
    counts: &Counts,
) {
    while let Ok(pdu) = Pdu::read(&mut wire) {
        counts.add_answered(1);
        let mut replies = device.replies(&mut rng, pdu);
        let mut touched = 0;
        if lies.load(Ordering::SeqCst) {
            touched = mutation::mutate_stream(&mut rng, &mut replies, RATE);
        }
        counts.add(replies.len(), touched);
        let bytes: Vec<u8> = replies.iter().flat_map(Message::bytes).collect();
        if wire.write_all(&bytes).is_err() {
            return;
        }
    }
}
