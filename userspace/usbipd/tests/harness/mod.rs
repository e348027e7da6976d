// SPDX-License-Identifier: GPL-2.0

//! Runs the daemon on an imitation of sysfs and talks to it over loopback.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod place;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use usbip_fixture::FakeSysfs;
use usbip_protocol::op::{BusIdText, OpHeader, Operation};

/// Longest wait for anything the daemon should do at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    /// What it said before it listened.
    pub before: Vec<String>,
    pub port: u16,
}

impl Daemon {
    /// Starts a daemon on a free port and waits until it listens.
    pub fn start(sysfs: &FakeSysfs, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usbipd"));
        Self::spawn(sysfs, command.args(["-4", "-t0"]).args(args))
    }

    /// Starts a daemon some other way and waits until it listens.
    pub fn spawn(sysfs: &FakeSysfs, command: &mut Command) -> Self {
        let mut child = command
            .env("USBIP_SYSFS", sysfs.root())
            .env("USBIP_RUN", sysfs.root().join("run"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(child.stderr.take().unwrap());
        let mut daemon = Self {
            child,
            lines,
            before: Vec::new(),
            port: 0,
        };
        let listening = loop {
            let line = daemon.wait_for("");
            let place = line.strip_prefix("usbipd: info: listening on ");
            if let Some(place) = place {
                let line = place.trim_end_matches(" (socket of systemd)").to_owned();
                break line;
            }
            daemon.before.push(line);
        };
        let port = listening.rsplit(':').next();
        daemon.port = port.and_then(|port| port.parse().ok()).unwrap_or_default();
        daemon
    }

    /// Reads lines up to the first that starts like this.
    pub fn wait_for(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line starts with {start:?}"));
            if line.starts_with(start) {
                return line;
            }
        }
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.port)
    }

    /// Sends a request and returns everything up to the end of the connection.
    pub fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_all(stream)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status();
        assert!(kill.unwrap().success());
    }

    /// Sends a signal and returns the exit code and the remaining lines.
    pub fn stop(mut self, signal: &str) -> (Option<i32>, Vec<String>) {
        self.signal(signal);
        let code = self.child.wait().unwrap().code();
        (code, self.lines.iter().collect())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects to a daemon on this port.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Everything up to the end of the connection, which a daemon that drops a request may reset.
pub fn read_all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    bytes
}

/// The device list as it comes over any stream.
pub fn asks_for_a_list(mut stream: impl Read + Write) -> Vec<u8> {
    stream.write_all(&list_request()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Waits for something the daemon should do at once.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn list_request() -> Vec<u8> {
    OpHeader::request(Operation::DevList).encode().to_vec()
}

pub fn import_request(busid: &str) -> Vec<u8> {
    usbip_protocol::op::encode_import_request(&BusIdText::new(busid.as_bytes())).to_vec()
}

/// A tree with exported devices, each with a content of `usbip_status`.
pub fn exporting(devices: &[(&str, &str)]) -> FakeSysfs {
    let sysfs = FakeSysfs::new().unwrap();
    sysfs.load_host_driver().unwrap();
    for (busid, status) in devices {
        sysfs.add_usb_device(busid).unwrap();
        sysfs.export(busid, status).unwrap();
    }
    sysfs
}
