// SPDX-License-Identifier: GPL-2.0

//! Programs that use a device while its server lies.

use contract::import::Import;
use contract::limit;
use contract::scripted::{BULK_IN, BULK_OUT, ISO_IN, ISO_OUT};
use contract::usbfs::Node;
use fastrand::Rng;
use nusb::transfer::{Buffer, Bulk, ControlIn, ControlType, In, Out, Recipient};
use nusb::{Interface, MaybeFuture};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// How long a program waits for one transfer.
const WAIT: Duration = Duration::from_millis(50);
/// Bytes in a packet of any bulk endpoint there is.
const PACKET: usize = 1024;

/// Reads, writes, asks, cancels; ends the connection if that is what its transfers wait for.
pub fn run(rng: &mut Rng, import: &Import, wire: &UnixStream) {
    if rng.usize(..4) == 0 {
        return play(rng, import, wire);
    }
    let Ok(interface) = import.open() else {
        return;
    };
    thread::scope(|scope| {
        let (mut theirs, interface) = (rng.fork(), &interface);
        scope.spawn(move || ask(&mut theirs, interface));
        transfer(rng, interface, wire);
        let _ = wire.shutdown(Shutdown::Both);
    });
}

/// Control requests beside the other transfers.
fn ask(rng: &mut Rng, interface: &Interface) {
    for _ in 0..rng.usize(1..6) {
        let kind = [ControlType::Standard, ControlType::Vendor][rng.usize(..2)];
        let request = ControlIn {
            control_type: kind,
            recipient: Recipient::Device,
            request: 6,
            value: 0x0100,
            index: 0,
            length: rng.u16(..256),
        };
        let limit = limit::stretched(WAIT);
        // Whatever comes back, or nothing.
        let _ = interface.control_in(request, limit).wait();
    }
}

/// Bulk transfers in both directions, some of them cancelled in the end.
fn transfer(rng: &mut Rng, interface: &Interface, wire: &UnixStream) -> Option<()> {
    let mut input = interface.endpoint::<Bulk, In>(BULK_IN).ok()?;
    let mut output = interface.endpoint::<Bulk, Out>(BULK_OUT).ok()?;
    for _ in 0..rng.usize(4..40) {
        match rng.bool() {
            true => input.submit(Buffer::new(PACKET * rng.usize(1..40))),
            false => output.submit(Buffer::from(vec![0xa5; rng.usize(..70_000)])),
        }
        let limit = limit::stretched(WAIT);
        let waits = input.pending() > 4 && input.wait_next_complete(limit).is_none()
            || output.pending() > 4 && output.wait_next_complete(limit).is_none();
        if waits {
            break;
        }
    }
    if rng.usize(..4) > 0 {
        let cancelling = thread::spawn(move || {
            input.cancel_all();
            output.cancel_all();
            (input, output)
        });
        thread::sleep(limit::stretched(Duration::from_millis(rng.u64(..20))));
        let _ = wire.shutdown(Shutdown::Both);
        let _ = cancelling.join();
    } else {
        let _ = wire.shutdown(Shutdown::Both);
    }
    Some(())
}

/// Isochronous transfers in both directions.
fn play(rng: &mut Rng, import: &Import, wire: &UnixStream) {
    let Ok(node) = Node::open(&import.node()) else {
        return;
    };
    for _ in 0..rng.usize(1..6) {
        let endpoint = [ISO_IN, ISO_OUT][rng.usize(..2)];
        let length = rng.usize(1..=256);
        let buffer = vec![0x3c; length * rng.usize(1..16)];
        // A low-speed device has no such endpoint.
        drop(node.submit(endpoint, length, buffer));
    }
    thread::sleep(limit::stretched(Duration::from_millis(rng.u64(1..40))));
    let _ = wire.shutdown(Shutdown::Both);
}
