// SPDX-License-Identifier: GPL-2.0

//! Many clients at once, honest, silent and hostile ones.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use harness::{connect, exporting, import_request, list_request, read_all, Daemon};

/// Header of a good device list.
const LIST_HEADER: &[u8] = b"\x01\x11\0\x05\0\0\0\0";

#[test]
fn five_hundred_at_once_fifty_of_them_silent() {
    const CLIENTS: usize = 500;
    const SILENT: usize = 50;
    let sysfs = exporting(&[("1-1", "1\n"), ("1-2", "1\n")]);
    let daemon = Daemon::start(&sysfs, &[]);
    let start = Barrier::new(CLIENTS + 1);
    let answered = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                let (port, start) = (daemon.port, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut stream = connect(port);
                    if index % (CLIENTS / SILENT) == 0 {
                        // Dropped by the daemon after its time limit, long after this test.
                        return stream.read(&mut [0]).is_err();
                    }
                    stream.write_all(&list_request()).unwrap();
                    read_all(stream).starts_with(LIST_HEADER)
                })
            })
            .collect();
        start.wait();
        let begin = Instant::now();
        assert!(daemon.ask(&list_request()).starts_with(LIST_HEADER));
        let took = begin.elapsed();
        println!("a list among {CLIENTS} clients: {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        let answers = clients.into_iter().map(|client| client.join().unwrap());
        answers.filter(|is_well| *is_well).count()
    });
    assert_eq!(answered, CLIENTS);
}

#[test]
fn a_flood_of_silent_clients_pushes_out_its_own() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    fs::write(sysfs.root().join("usbipd.toml"), "max-connections = 20\n").unwrap();
    let config = format!("--config={}/usbipd.toml", sysfs.root().display());
    let daemon = Daemon::start(&sysfs, &[&config]);
    let mut silent: Vec<_> = (0..60).map(|_| daemon.connect()).collect();
    let mut half = daemon.connect();
    half.write_all(&import_request("1-1")[..20]).unwrap();
    let start = Instant::now();
    assert!(daemon.ask(&list_request()).starts_with(LIST_HEADER));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(silent[0].read(&mut [0]).unwrap_or(0), 0);
    let last = silent.last_mut().unwrap();
    last.write_all(&list_request()).unwrap();
    let mut header = [0; 8];
    last.read_exact(&mut header).unwrap();
    assert_eq!(header, LIST_HEADER);
}

#[test]
fn clients_that_never_read_hold_up_nobody() {
    let devices: Vec<_> = (1..200).map(|port| format!("1-{port}")).collect();
    let devices: Vec<_> = devices
        .iter()
        .map(|busid| (busid.as_str(), "1\n"))
        .collect();
    let sysfs = exporting(&devices);
    let daemon = Daemon::start(&sysfs, &[]);
    let deaf: Vec<_> = (0..30)
        .map(|_| {
            let mut stream = daemon.connect();
            stream.write_all(&list_request()).unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    let reply = daemon.ask(&list_request());
    assert_eq!(reply[..12], [LIST_HEADER, &199_u32.to_be_bytes()].concat());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    drop(deaf);
}
