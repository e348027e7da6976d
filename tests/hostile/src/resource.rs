// SPDX-License-Identifier: GPL-2.0

//! Clients that take what they can get: the stub bounds it, and takes it back.

use crate::run::Failure;
use contract::kind::{Kind, Role};
use contract::limit;
use contract::peer::Peer;
use contract::stub::{Export, Local};
use std::fs;
use std::io;
use std::thread;
use std::time::Duration;
use usbip_protocol::Direction;

/// More bytes than a client may have, `max_bytes`, and what it may cost in KiB: the requests
/// themselves, what the socket holds, what others use meanwhile.
const MAX_KIB: u64 = 64 * 1024;
const SLACK_KIB: u64 = 48 * 1024;
/// What is asked for: more than is granted, in both numbers and bytes.
const REQUESTS: u32 = 6000;
const LENGTH: u32 = 1024 * 1024;
const TWO_GIB: u32 = 0x7fff_ffff;

const CONFIGURE: [u8; 8] = [0, 9, 1, 0, 0, 0, 0, 0];
/// No reports but those of keys.
const IDLE: [u8; 8] = [0x21, 0x0a, 0, 0, 0, 0, 0, 0];

/// Runs all three attacks; prints what each cost.
pub fn run() -> Result<(), Failure> {
    let loaded = Kind::Rs.load(Role::Host);
    if loaded != "ok" {
        return Err(Failure::new(loaded));
    }
    let result = unread().and_then(|()| claims()).and_then(|()| sleepers());
    let unloaded = Kind::Rs.unload_all();
    result.map_err(|error| Failure::new(error.to_string()))?;
    match unloaded.as_str() {
        "ok" => Ok(()),
        problem => Err(Failure::new(problem)),
    }
}

/// Asks for descriptors and never reads one.
fn unread() -> io::Result<()> {
    let export = Local::stick()?.export()?;
    let before = available()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut sent = 0;
    while sent < REQUESTS {
        let request = peer.control_request([0x80, 6, 0, 2, 0, 0, 0xff, 0xff]);
        // The stub stops reading, as it should.
        if peer.submit(request, &[]).is_err() {
            break;
        }
        sent += 1;
    }
    cost("submits without reading", sent, before)?;
    drop(peer);
    honest(&export)
}

/// Asks for transfers that take all memory there is and never end.
fn claims() -> io::Result<()> {
    let export = Local::keyboard()?.export()?;
    let before = available()?;
    let mut peer = Peer::connect(&export.device)?;
    peer.control(CONFIGURE)?;
    peer.control(IDLE)?;
    let mut refused = 0;
    for length in [TWO_GIB, TWO_GIB].into_iter().chain([LENGTH; 200]) {
        let mut request = peer.request(Direction::In, 1, length);
        request.interval = 8;
        peer.submit(request, &[])?;
    }
    // Behind them: what is refused has been answered by then.
    let number = peer.ask_honestly()?;
    loop {
        let reply = peer.receive();
        match reply.as_str() {
            "closed" | "silence" => return Err(io::Error::other(format!("claims: {reply}"))),
            reply if reply.starts_with(&format!("reply #{number} ")) => break,
            reply if reply.contains("status=-ENOMEM") => refused += 1,
            reply => return Err(io::Error::other(format!("claims: {reply}"))),
        }
    }
    if refused < 2 + 200 - MAX_KIB * 1024 / u64::from(LENGTH) {
        return Err(io::Error::other(format!("only {refused} claims refused")));
    }
    cost("claims 2 GiB, then 200 times 1 MiB", 202, before)?;
    drop(peer);
    honest(&export)
}

/// Imports everything and says nothing more; the machine's owner takes it back.
fn sleepers() -> io::Result<()> {
    let locals = [Local::stick()?, Local::keyboard()?, Local::sound_card()?];
    let exports = locals.map(|local| local.export());
    let mut peers = Vec::new();
    for export in exports.iter().flatten() {
        let mut peer = Peer::connect(&export.device)?;
        let request = peer.request(Direction::In, 1, 8);
        peer.submit(request, &[])?;
        peers.push(peer);
    }
    thread::sleep(limit::stretched(Duration::from_millis(500)));
    let [stick, keyboard, sound_card] = exports;
    let (stick, keyboard, sound_card) = (stick?, keyboard?, sound_card?);
    if Peer::connect(&stick.device).is_ok() {
        return Err(io::Error::other("a device in use was imported again"));
    }
    for (way, done) in [
        (
            "-1 to usbip_sockfd",
            stick.device.sockfd("-1", peers[0].wire()),
        ),
        ("unbind", keyboard.device.unbind("usbip-host")),
    ] {
        if done != "ok" {
            return Err(io::Error::other(format!("{way}: {done}")));
        }
    }
    honest(&stick)?;
    drop(peers);
    honest(&sound_card)?;
    println!("opens everything and sleeps: {} taken back", 3);
    Ok(())
}

/// An honest client is served.
fn honest(export: &Export) -> io::Result<()> {
    let device = &export.device;
    let life = match device.wait_available() {
        true => Peer::connect(device)?.liveness(),
        false => device.status(),
    };
    match life.as_str() {
        "alive" if device.wait_available() => Ok(()),
        _ => Err(io::Error::other(format!("{}: {life}", device.busid))),
    }
}

/// Prints what an attack costs while it lasts; fails if that is too much.
fn cost(name: &str, sent: u32, before: u64) -> io::Result<()> {
    limit::settle();
    let used = before.saturating_sub(available()?);
    println!("{name}: {sent} requests, {used} KiB");
    match used < MAX_KIB + SLACK_KIB {
        true => Ok(()),
        false => Err(io::Error::other(format!("{name}: {used} KiB are gone"))),
    }
}

/// `MemAvailable`, in KiB.
fn available() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| io::Error::other("no MemAvailable"))
}
