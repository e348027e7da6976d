// SPDX-License-Identifier: GPL-2.0

//! Sessions against the stub.

use crate::exchange::Kind;
use crate::mutation::{self, Message};
use crate::run::{self, Counts, Failure};
use contract::limit;
use contract::peer::Peer;
use contract::stub::{Export, Local};
use fastrand::Rng;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One in so many PDUs is mutated.
const RATE: usize = 8;
/// How long the stub may leave a full socket alone before a session gives up sending.
const WRITE: Duration = Duration::from_millis(250);

/// The lane's exported devices.
pub struct Client {
    exports: Vec<(Kind, Export)>,
}

impl Client {
    /// Exports what the lane has.
    pub fn new() -> Result<Self, Failure> {
        let export = |kind: Kind| {
            let exported = kind.local().and_then(|device| device.export());
            exported
                .map(|export| (kind, export))
                .map_err(|error| Failure::new(format!("{kind:?}: {error}")))
        };
        let exports = Kind::ALL
            .into_iter()
            .map(export)
            .collect::<Result<_, _>>()?;
        Ok(Self { exports })
    }

    /// One connection: requests, most of them valid; whatever the driver makes of them, the device
    /// can be imported again.
    pub fn session(&self, rng: &mut Rng, counts: &Counts) -> Result<(), Failure> {
        let (kind, export) = &self.exports[rng.usize(..self.exports.len())];
        let device = &export.device;
        let wire = run::WIRES[rng.usize(..run::WIRES.len())];
        let mut peer = wire
            .connect()
            .and_then(|ends| Peer::over(device, ends))
            .map_err(|error| Failure::new(format!("{kind:?} is not exported: {error}")))?;
        if rng.usize(..4) > 0 {
            for setup in kind.preparation() {
                // What is missing then is only how far the requests get.
                let _ = peer.control(*setup);
            }
        }
        let mut stream = kind.requests(rng, &mut peer);
        let touched = mutation::mutate_stream(rng, &mut stream, RATE);
        counts.add(stream.len(), touched);
        let reader = (rng.usize(..6) > 0).then(|| read_on(peer.wire()));
        send(rng, peer.wire(), &stream);
        end(rng, device, &peer);
        drop(peer);
        if let Some(reader) = reader {
            counts.add_answered(reader.join().unwrap_or_default());
        }
        match device.wait_available() {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "{kind:?} cannot be imported again: {}",
                device.status()
            ))),
        }
    }

    /// An honest client gets an answer from every device.
    pub fn check(&self) -> Result<(), Failure> {
        for (kind, export) in &self.exports {
            let peer = Peer::connect(&export.device);
            let life = peer.map(|mut peer| peer.liveness());
            let is_free = export.device.wait_available();
            match life {
                Ok(life) if life == "alive" && is_free => {}
                Ok(life) => {
                    let status = export.device.status();
                    return Err(Failure::new(format!("honest {kind:?}: {life}, {status}")));
                }
                Err(error) => return Err(Failure::new(format!("honest {kind:?}: {error}"))),
            }
        }
        Ok(())
    }
}

/// Sends everything, or as much as is taken.
fn send(rng: &mut Rng, mut wire: &UnixStream, stream: &[Message]) {
    let bytes: Vec<u8> = stream.iter().flat_map(Message::bytes).collect();
    let length = match rng.u8(..6) {
        0 => rng.usize(..=bytes.len()),
        _ => bytes.len(),
    };
    let piece = match rng.u8(..4) {
        0 => rng.usize(1..100),
        _ => usize::MAX,
    };
    let limited = wire.set_write_timeout(Some(limit::stretched(WRITE)));
    // A connection the driver has ended is as good an end as ours.
    let _ = limited.and_then(|()| {
        bytes[..length]
            .chunks(piece.min(length.max(1)))
            .try_for_each(|chunk| wire.write_all(chunk))
    });
}

/// Ends a connection in one of the ways there are.
fn end(rng: &mut Rng, device: &Local, peer: &Peer) {
    if rng.bool() {
        thread::sleep(limit::stretched(Duration::from_millis(rng.u64(1..30))));
    }
    match rng.u8(..4) {
        0 => drop(peer.wire().shutdown(Shutdown::Write)),
        1 => drop(device.sockfd("-1", peer.wire())),
        _ => drop(peer.close()),
    }
}

/// Reads until the connection ends; returns the number of bytes.
fn read_on(wire: &UnixStream) -> JoinHandle<usize> {
    let wire = wire.try_clone();
    thread::spawn(move || {
        let (mut total, mut room) = (0, vec![0; 65_536]);
        let Ok(mut wire) = wire else {
            return total;
        };
        while let Ok(count @ 1..) = wire.read(&mut room) {
            total += count;
        }
        total
    })
}
