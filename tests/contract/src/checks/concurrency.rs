// SPDX-License-Identifier: GPL-2.0

//! Things that happen at the same time.

use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::peer::Peer;
use crate::pipe::liveness;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use crate::stub::Local;
use crate::vhci::{Vhci, FREE};
use nusb::MaybeFuture;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("concurrency", &[Role::Host, Role::Vhci], |report| {
        report.check("concurrency.attach-one-port", attach_one_port);
        report.check("concurrency.attach-and-detach", attach_and_detach);
        report.check("concurrency.reset-one", || reset(1));
        report.check("concurrency.reset-two", || reset(2));
        report.check("concurrency.connect", connect);
        report.check("concurrency.connect-and-disconnect", connect_and_disconnect);
        report.check("concurrency.configure-and-unbind", configure_and_unbind);
        report.check("concurrency.unbind-and-close", unbind_and_close);
    });
}

/// How many of many attempts at the same port succeed.
fn attach_one_port() -> Outcome {
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(|| -> std::io::Result<(String, UnixStream)> {
                let (ours, kernels) = UnixStream::pair()?;
                Ok((
                    Vhci::new().attach_line("0 FD 65538 3", kernels.as_fd()),
                    ours,
                ))
            })
        })
        .collect();
    let mut kept = Vec::new();
    for attempt in attempts {
        kept.push(attempt.join().map_err(|_| "panic")??);
    }
    let mut results: Vec<&str> = kept.iter().map(|(result, _)| result.as_str()).collect();
    results.sort_unstable();
    let busy = Vhci::new().busy();
    Ok(format!(
        "{}, {busy}, freed: {}",
        results.join(" "),
        Vhci::new().clear()
    ))
}

/// Every port of a hub is attached and detached over and over by a thread of its own.
fn attach_and_detach() -> Outcome {
    let threads: Vec<_> = (0..Vhci::new().hub_ports())
        .map(|port| {
            thread::spawn(move || -> std::io::Result<u32> {
                let mut rounds = 0;
                for _ in 0..10 {
                    let (_ours, kernels) = UnixStream::pair()?;
                    let line = format!("{port} FD 65538 3");
                    let attached = Vhci::new().attach_line(&line, kernels.as_fd()) == "ok";
                    let detached = Vhci::new().detach(&port.to_string()) == "ok";
                    let free = Vhci::new().wait_state(port, FREE);
                    rounds += u32::from(attached && detached && free);
                }
                Ok(rounds)
            })
        })
        .collect();
    let mut rounds = Vec::new();
    for thread in threads {
        rounds.push(thread.join().map_err(|_| "panic")??);
    }
    Ok(format!("{rounds:?}"))
}

/// Devices of one hub are reset at the same time.
fn reset(count: u32) -> Outcome {
    let mut imports = Vec::new();
    for index in 0..count {
        imports.push(Import::attach(Speed::High, index)?);
    }
    if !imports.iter().all(Import::wait_configured) {
        return Ok("not enumerated".to_owned());
    }
    let mut resets = Vec::new();
    for import in &imports {
        let device = import.device()?;
        resets.push(thread::spawn(move || device.reset().wait().is_ok()));
    }
    let mut results = Vec::new();
    for reset in resets {
        results.push(reset.join().map_err(|_| "panic")?);
    }
    let lives = imports
        .iter()
        .map(|import| Ok(liveness(import, &import.open()?)));
    let lives: Result<Vec<String>, std::io::Error> = lives.collect();
    Ok(format!("{results:?} {}", lives?.join(" ")))
}

/// How many of many clients get the device.
fn connect() -> Outcome {
    let export = Local::stick()?.export()?;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let device = export.device.clone();
            thread::spawn(move || Peer::connect(&device))
        })
        .collect();
    let mut peers = Vec::new();
    for client in clients {
        peers.extend(client.join().map_err(|_| "panic")?);
    }
    let lives: Vec<String> = peers.iter_mut().map(Peer::liveness).collect();
    drop(peers);
    Ok(format!(
        "{}, available again: {}",
        lives.join(" "),
        export.device.wait_available()
    ))
}

/// Clients come and are sent away at the same time.
fn connect_and_disconnect() -> Outcome {
    let export = Local::stick()?.export()?;
    let device = export.device.clone();
    let sender = thread::spawn(move || {
        for _ in 0..50 {
            if let Ok((_ours, kernels)) = UnixStream::pair() {
                device.sockfd("-1", &kernels);
            }
        }
    });
    for _ in 0..10 {
        drop(Peer::connect(&export.device));
    }
    sender.join().map_err(|_| "panic")?;
    let available = export.device.wait_available();
    Ok(format!(
        "{available} {}",
        Peer::connect(&export.device)?.liveness()
    ))
}

/// The device is taken away while it is configured for a client.
fn configure_and_unbind() -> Outcome {
    let mut results = Vec::new();
    for _ in 0..4 {
        let export = Local::stick()?.export()?;
        let mut peer = Peer::connect(&export.device)?;
        let request = peer.control_request([0, 9, 1, 0, 0, 0, 0, 0]);
        peer.submit(request, &[])?;
        results.push(export.device.unbind("usbip-host"));
        drop(export);
        limit::settle();
    }
    Ok(results.join(" "))
}

/// The client goes and the device is taken away at the same time.
fn unbind_and_close() -> Outcome {
    let mut results = Vec::new();
    for _ in 0..4 {
        let export = Local::stick()?.export()?;
        let peer = Peer::connect(&export.device)?;
        peer.close()?;
        results.push(export.device.unbind("usbip-host"));
        results.push(export.device.give_back());
    }
    Ok(results.join(" "))
}
