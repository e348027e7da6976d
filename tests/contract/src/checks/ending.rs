// SPDX-License-Identifier: GPL-2.0

//! Every way a connection ends, idle and with transfers under way.

use crate::import::{Import, DEVID};
use crate::kind::{Kind, Role};
use crate::pdu;
use crate::pipe::{cancelled, liveness, Pipe, PACKET};
use crate::report::{Outcome, Report};
use crate::scripted::{Scripted, Speed};
use crate::server::Server;
use crate::vhci::{Vhci, USED};
use crate::wire;
use crate::{lane, limit};
use nusb::Interface;
use rustix::net::sockopt::{set_socket_timeout, Timeout};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Ends a connection.
type End = fn(&Import) -> io::Result<()>;

const ENDS: &[(&str, End)] = &[
    ("close", |import| import.server.close()),
    ("half-close", |import| import.server.stop_sending()),
    ("detach", |import| {
        Vhci.detach(&import.port.to_string());
        Ok(())
    }),
    ("close-and-detach", |import| {
        import.server.close()?;
        Vhci.detach(&import.port.to_string());
        Ok(())
    }),
];

/// Controllers for devices that go before they have an address: C keeps their hubs busy for seconds,
/// so nothing else is to happen there.
const UNADDRESSED: u32 = lane::COUNT;
const AFTERWARDS: u32 = lane::COUNT + 1;
const AGAIN: u32 = lane::COUNT + 2;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("ending", &[Role::Vhci], |report| {
        report.side_by_side(checks);
        report.check("ending.enumerate-after-detach", after_detach);
        let kind = report.kind;
        report.check("ending.unload-idle", move || unload(kind, false));
        report.check("ending.unload-pending", move || unload(kind, true));
        report.check("ending.unload-enumerating", move || {
            unload_enumerating(kind)
        });
    });
}

fn checks(report: &mut Report) {
    for (port, (name, end)) in (0..).zip(ENDS) {
        report.check(&format!("ending.{name}-idle"), move || idle(*end));
        report.check(&format!("ending.{name}-reading"), move || reading(*end));
        report.check(&format!("ending.{name}-writing"), move || writing(*end));
        report.check(&format!("ending.{name}-enumerating"), move || {
            enumerating(*end, Vhci.port(UNADDRESSED, port))
        });
    }
    report.check("ending.detach-unread-writes", || stuck(ENDS[2].1));
    report.check("ending.close-unread-writes", || stuck(ENDS[0].1));
    report.check("ending.super-close", || {
        let import = Import::configured(Speed::Super)?;
        import.server.close()?;
        Ok(import.fate())
    });
    report.check("ending.neighbour-lives", neighbour);
    report.check("ending.again-and-again", again);
    report.check("ending.timeout-idle", timeout_idle);
    report.check("ending.timeout-pending", timeout_pending);
    report.check("ending.stops-reading", stops_reading);
}

fn idle(end: End) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let folder = import.folder();
    end(&import)?;
    let port = import.fate();
    Ok(format!(
        "{port}, device gone: {}",
        limit::wait_until(|| !folder.exists())
    ))
}

fn reading(end: End) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    for _ in 0..3 {
        pipe.ask(PACKET);
        import.server.next()?;
    }
    end(&import)?;
    let results: Vec<String> = (0..3).map(|_| pipe.result()).collect();
    Ok(format!("{}, {}", results.join(", "), import.fate()))
}

fn writing(end: End) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::output(&interface)?;
    pipe.put(vec![9; 20_000]);
    import.server.next()?;
    end(&import)?;
    Ok(format!("{}, {}", pipe.result(), import.fate()))
}

/// The connection ends before the device has answered its first request.
fn enumerating(end: End, port: u32) -> Outcome {
    let (ours, kernels) = wire::pair()?;
    // What is not read is not answered.
    let server = Server::silent(ours);
    let import = Import::over(server, kernels, port)?;
    limit::settle();
    end(&import)?;
    Ok(import.fate())
}

/// How soon a device is found after one that has gone before it had an address.
fn after_detach() -> Outcome {
    lane::enter(AFTERWARDS);
    let fate = enumerating(ENDS[2].1, Vhci.port(AFTERWARDS, 0))?;
    let begin = Instant::now();
    drop(Import::configured(Speed::High)?);
    // usbcore waits five seconds for a request that nobody gives back.
    let soon = begin.elapsed() < Duration::from_secs(4);
    Ok(format!("{fate}, found soon: {soon}"))
}

/// The server does not read, so the sender is stuck in the middle of a request.
fn stuck(end: End) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::stuck(&import, &interface)?;
    end(&import)?;
    let results: Vec<String> = (0..8).map(|_| pipe.result()).collect();
    Ok(format!("{}, {}", results.join(", "), import.fate()))
}

/// One of two devices on a hub goes.
fn neighbour() -> Outcome {
    let stays = Import::configured(Speed::High)?;
    let goes = Import::attach(Speed::High, 1)?;
    let configured = goes.wait_configured();
    let interface = stays.open()?;
    goes.server.close()?;
    let fate = goes.fate();
    Ok(format!(
        "{configured}, {fate}, {}",
        liveness(&stays, &interface)
    ))
}

fn again() -> Outcome {
    lane::enter(AGAIN);
    let mut fates = Vec::new();
    for round in 0..4 {
        let import = Import::attach(Speed::High, 0)?;
        if round % 2 == 0 {
            import.wait_configured();
        }
        import.server.close()?;
        fates.push(import.fate());
    }
    Ok(fates.join(" "))
}

/// An import whose socket has a limit for receiving, from its first transfer on.
fn limited() -> io::Result<(Import, Interface)> {
    let (ours, kernels) = wire::pair()?;
    let socket = kernels.try_clone()?;
    let server = Server::start(ours, Scripted { speed: Speed::High })?;
    let port = Vhci.port(lane::current(), 0);
    let import = Import::over(server, kernels, port)?;
    import.wait_configured();
    let limit = limit::stretched(Duration::from_millis(600));
    set_socket_timeout(&socket, Timeout::Recv, Some(limit))?;
    let interface = import.open()?;
    // The limit is that of waits to come, and the answer to a cancellation ends the one there is.
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    import.server.next()?;
    let waiting = pipe.cancel();
    let unlink = import.server.next()?;
    import
        .server
        .send(&pdu::ret_unlink(unlink.seqnum(), -104))?;
    cancelled(waiting);
    match liveness(&import, &interface).as_str() {
        "alive" => Ok((import, interface)),
        fate => Err(io::Error::other(fate.to_owned())),
    }
}

fn timeout_idle() -> Outcome {
    let (import, interface) = limited()?;
    std::thread::sleep(limit::stretched(Duration::from_millis(1500)));
    Ok(liveness(&import, &interface))
}

fn timeout_pending() -> Outcome {
    let (import, interface) = limited()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    import.server.next()?;
    Ok(format!("{}, {}", pipe.result(), import.fate()))
}

/// The server closes its reading half only: what is sent next fails.
fn stops_reading() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    import.server.stop_receiving()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    Ok(format!("{}, {}", pipe.result(), import.fate()))
}

fn unload(kind: Kind, pending: bool) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let folder = import.folder();
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    if pending {
        pipe.ask(PACKET);
        import.server.next()?;
    }
    let unloaded = kind.unload(Role::Vhci);
    let result = if pending {
        pipe.result()
    } else {
        "idle".to_owned()
    };
    let gone = !folder.exists() && !Vhci.file("status").exists();
    let loaded = kind.load(Role::Vhci);
    Ok(format!(
        "{unloaded}, {result}, gone: {gone}, {loaded}, {}",
        Vhci.busy()
    ))
}

fn unload_enumerating(kind: Kind) -> Outcome {
    let (_ours, kernels) = wire::pair()?;
    let line = format!("0 FD {DEVID} 3");
    let attached = Vhci.attach_line(&line, kernels.as_fd());
    limit::settle();
    let early = Vhci.row(0).is_some_and(|row| row.state != USED);
    let unloaded = kind.unload(Role::Vhci);
    let loaded = kind.load(Role::Vhci);
    Ok(format!(
        "{attached}, early: {early}, {unloaded}, {loaded}, {}",
        Vhci.busy()
    ))
}
