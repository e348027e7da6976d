// SPDX-License-Identifier: GPL-2.0

//! Things that happen at the same time.

use crate::attribute;
use crate::import::Import;
use crate::kind::{Kind, Role};
use crate::limit;
use crate::peer::Peer;
use crate::pipe::liveness;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use crate::stub::Local;
use crate::vhci::{Vhci, FREE, USED};
use crate::wire;
use nusb::MaybeFuture;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::Duration;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("concurrency", &[Role::Host, Role::Vhci], |report| {
        report.check("concurrency.reset-one", || reset(1));
        report.check("concurrency.reset-two", || reset(2));
        // These keep C's hubs busy for some seconds.
        report.check("concurrency.attach-one-port", attach_one_port);
        report.check("concurrency.attach-and-detach", attach_and_detach);
        report.check("concurrency.connect", connect);
        report.check("concurrency.connect-and-disconnect", connect_and_disconnect);
        report.check("concurrency.configure-and-unbind", configure_and_unbind);
        report.check("concurrency.unbind-and-close", unbind_and_close);
        report.check("concurrency.unbind-killed", unbind_killed);
        report.check("concurrency.unlink-and-complete", unlink_and_complete);
        report.check("concurrency.unlink-and-play", unlink_and_play);
        report.check("concurrency.import-again", import_again);
        let kind = report.kind;
        report.check("concurrency.load-and-attach", move || load_and_attach(kind));
    });
}

/// How many of many attempts at the same port succeed.
fn attach_one_port() -> Outcome {
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(|| -> std::io::Result<(String, UnixStream)> {
                let (ours, kernels) = wire::pair()?;
                Ok((Vhci.attach_line("0 FD 65538 3", kernels.as_fd()), ours))
            })
        })
        .collect();
    let mut kept = Vec::new();
    for attempt in attempts {
        kept.push(attempt.join().map_err(|_| "panic")??);
    }
    let mut results: Vec<&str> = kept.iter().map(|(result, _)| result.as_str()).collect();
    results.sort_unstable();
    let busy = Vhci.busy();
    Ok(format!(
        "{}, {busy}, freed: {}",
        results.join(" "),
        Vhci.clear()
    ))
}

/// Every port of a hub is attached and detached over and over by a thread of its own.
fn attach_and_detach() -> Outcome {
    let threads: Vec<_> = (0..Vhci.hub_ports())
        .map(|port| {
            thread::spawn(move || -> std::io::Result<u32> {
                let mut rounds = 0;
                for _ in 0..10 {
                    let (_ours, kernels) = wire::pair()?;
                    let line = format!("{port} FD 65538 3");
                    let attached = Vhci.attach_line(&line, kernels.as_fd()) == "ok";
                    let detached = Vhci.detach(&port.to_string()) == "ok";
                    let free = Vhci.wait_state(port, FREE);
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
            if let Ok((_ours, kernels)) = wire::pair() {
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

/// Whoever takes the device away is killed while at it.
fn unbind_killed() -> Outcome {
    let mut backs = Vec::new();
    for round in 0..8 {
        let export = Local::stick()?.export()?;
        let peer = Peer::connect(&export.device)?;
        let script = format!(
            "echo {} > /sys/bus/usb/drivers/usbip-host/unbind",
            export.device.busid
        );
        let mut writer = Command::new("sh").args(["-c", &script]).spawn()?;
        sleep(Duration::from_millis(5 * round));
        writer.kill()?;
        writer.wait()?;
        drop(peer);
        backs.push(export.device.give_back());
    }
    backs.dedup();
    Ok(backs.join(" "))
}

/// Requests that are cancelled when they are about to be answered: each is answered or cancelled,
/// and so is each cancellation.
fn unlink_and_complete() -> Outcome {
    const COUNT: u32 = 64;
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut unlinks = Vec::new();
    for _ in 0..COUNT {
        let request = peer.control_request([0x80, 6, 0, 1, 0, 0, 8, 0]);
        let victim = peer.submit(request, &[])?;
        unlinks.push((victim, peer.unlink(victim)?));
    }
    let replies: Vec<String> = std::iter::repeat_with(|| peer.receive())
        .take_while(|reply| reply != "silence" && reply != "closed")
        .take(2 * unlinks.len())
        .collect();
    let count = |beginning: String| {
        let all = replies.iter();
        all.filter(|reply| reply.starts_with(&beginning)).count()
    };
    let right = unlinks.iter().filter(|(victim, unlink)| {
        let cancelled = format!("unlinked #{unlink} status=-ECONNRESET");
        let answers = count(format!("reply #{victim} "));
        let unlinked = count(format!("unlinked #{unlink} "));
        unlinked == 1 && answers + count(cancelled) <= 1
    });
    // Not by a transfer: QEMU's xHC may stop for good in the middle of one that is cancelled.
    let last = peer.unlink(0)?;
    let serves = peer.receive() == format!("unlinked #{last} status=0");
    Ok(format!("{} of {COUNT}, serves: {serves}", right.count()))
}

/// Packets that are cancelled about when they have been played: no cancellation is answered before the
/// transfer that was quicker, or its client would be told of a transfer that it no longer knows.
fn unlink_and_play() -> Outcome {
    const COUNT: u32 = 1024;
    let export = Local::sound_card()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    peer.control([0, 9, 1, 0, 0, 0, 0, 0])?;
    peer.control([1, 0x0b, 1, 0, 1, 0, 0, 0])?;
    // How many cancellations of nothing it takes until the packet has been played.
    let mut pause: u32 = 0;
    for round in 0..COUNT {
        pause = match play_and_cancel(&mut peer, pause)? {
            Ok(true) => pause.saturating_sub(1),
            Ok(false) => pause + 1,
            Err(reply) => return Ok(format!("{round} right, then {reply}")),
        };
    }
    Ok(format!("{COUNT} right, {}", peer.liveness()))
}

/// Plays a packet and cancels it behind `pause` cancellations of nothing. Returns whether it was
/// quicker, or a reply that is out of place.
fn play_and_cancel(peer: &mut Peer, pause: u32) -> std::io::Result<Result<bool, String>> {
    let (request, packets) = peer.playback(1, 192);
    let victim = peer.submit_packets(request, &[0; 192], &packets)?;
    for _ in 0..pause {
        peer.unlink(0)?;
    }
    let cancelled = format!("unlinked #{} ", peer.unlink(victim)?);
    let played = format!("reply #{victim} ");
    let (mut was_played, mut was_cancelled) = (false, false);
    let mut unanswered = pause + 1;
    // The answer to the last cancellation may come before others: the packet is urgent.
    while unanswered > 0 {
        let reply = peer.receive();
        if reply.starts_with(&played) && !was_cancelled {
            was_played = true;
        } else if reply.starts_with("unlinked #") {
            was_cancelled |= reply.starts_with(&cancelled);
            unanswered -= 1;
        } else {
            return Ok(Err(reply));
        }
    }
    Ok(Ok(was_played))
}

/// An imported device is exported, and imported once more by the same controller: to configure it,
/// usbcore on one side waits for usbcore on the other.
fn import_again() -> Outcome {
    let first = Import::configured(Speed::High)?;
    let device = Local {
        busid: first.busid(),
    };
    let export = device.export()?;
    let (server, client) = wire::pair()?;
    let connected = device.sockfd("FD", &server);
    let line = format!("1 FD {} 3", device.devid());
    let attached = Vhci.attach_line(&line, client.as_fd());
    let addressed = Vhci.wait_state(1, USED);
    // usbcore gives a configuration five seconds.
    sleep(Duration::from_secs(6));
    Vhci.detach("1");
    let free = Vhci.wait_state(1, FREE);
    let available = device.wait_available();
    let back = export.device.give_back();
    drop(export);
    Ok(format!(
        "{connected} {attached} {addressed}, free: {free}, available again: {available}, {back}, {}",
        liveness(&first, &first.open()?)
    ))
}

/// Somebody attaches, detaches and looks from the moment the files are there.
fn load_and_attach(kind: Kind) -> Outcome {
    let mut results = Vec::new();
    for _ in 0..3 {
        results.push(kind.unload(Role::Vhci));
        let is_loaded = Arc::new(AtomicBool::new(false));
        let done = is_loaded.clone();
        let early = thread::spawn(move || {
            let vhci = Vhci;
            while !done.load(Ordering::SeqCst) {
                if let Ok((_ours, kernels)) = wire::pair() {
                    vhci.attach_line("200 FD 65538 3", kernels.as_fd());
                }
                vhci.detach("200");
                attribute::read(vhci.status_file(7));
            }
        });
        results.push(kind.load(Role::Vhci));
        is_loaded.store(true, Ordering::SeqCst);
        early.join().map_err(|_| "panic")?;
        results.push(Vhci.clear().to_string());
    }
    Ok(results.join(" "))
}
