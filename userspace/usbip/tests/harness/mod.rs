// SPDX-License-Identifier: GPL-2.0

//! Runs the program on an imitation of sysfs, against an imitation of a server.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use usbip_fixture::FakeSysfs;
use usbip_protocol::op::{
    BusIdText, OpHeader, OpStatus, Operation, PathText, UsbClass, UsbDevice, BUSID_LEN,
    OP_HEADER_LEN,
};

/// What a run of the program left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A machine to run the program on.
pub struct Machine {
    pub sysfs: FakeSysfs,
    state: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self {
            sysfs: FakeSysfs::new().unwrap(),
            state: TempDir::new().unwrap(),
        };
        let ids = "0781  SanDisk Corp.\n\t5567  Cruzer Blade\nC 08  Mass Storage\n\t06  SCSI\n\t\t50  Bulk-Only\n";
        std::fs::write(machine.ids(), ids).unwrap();
        machine
    }

    pub fn records(&self) -> PathBuf {
        self.state.path().join("vhci_hcd")
    }

    pub fn ids(&self) -> PathBuf {
        self.state.path().join("usb.ids")
    }

    /// Imitation of `/proc`; empty unless a test fills it.
    pub fn proc(&self) -> PathBuf {
        self.state.path().join("proc")
    }

    pub fn write_proc(&self, name: &str, text: &str) {
        write_below(&self.proc(), name, text);
    }

    /// Makes a process have a file open.
    pub fn open_in_process(&self, pid: u32, file: &str) {
        let fds = self.proc().join(format!("{pid}/fd"));
        std::fs::create_dir_all(&fds).unwrap();
        std::os::unix::fs::symlink(file, fds.join("3")).unwrap();
    }

    /// Writes the state file of a service.
    pub fn write_run(&self, name: &str, text: &str) {
        write_below(&self.state.path().join("run"), name, text);
    }

    /// The module loader; there is none unless a test makes one.
    pub fn modprobe(&self) -> PathBuf {
        self.state.path().join("modprobe")
    }

    /// Makes a module loader of a line of shell.
    pub fn make_modprobe(&self, line: &str) {
        std::fs::write(self.modprobe(), format!("#!/bin/sh\n{line}\n")).unwrap();
        std::fs::set_permissions(self.modprobe(), PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub fn write_record(&self, port: u32, text: &str) {
        std::fs::create_dir_all(self.records()).unwrap();
        std::fs::write(self.records().join(format!("port{port}")), text).unwrap();
    }

    pub fn read_record(&self, port: u32) -> Option<String> {
        std::fs::read_to_string(self.records().join(format!("port{port}"))).ok()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_usbip"))
            .args(args)
            .env("USBIP_SYSFS", self.sysfs.root())
            .env("USBIP_STATE", self.records())
            .env("USBIP_IDS", self.ids())
            .env("USBIP_PROC", self.proc())
            .env("USBIP_DEV", self.state.path().join("dev"))
            .env("USBIP_RUN", self.state.path().join("run"))
            .env("USBIP_MODPROBE", self.modprobe())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// A run that prints nothing on standard output.
    pub fn quiet(code: i32, stderr: &str) -> Self {
        Self {
            code,
            stdout: String::new(),
            stderr: stderr.to_owned(),
        }
    }
}

fn write_below(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A server that answers one connection after the other with fixed bytes.
pub struct FakeServer {
    pub port: String,
    thread: JoinHandle<Vec<u8>>,
}

impl FakeServer {
    /// Answers after a device list request.
    pub fn list(reply: Vec<u8>) -> Self {
        Self::start(vec![(OP_HEADER_LEN, reply)])
    }

    /// Answers after an import request.
    pub fn import(reply: Vec<u8>) -> Self {
        Self::start(vec![(OP_HEADER_LEN + BUSID_LEN, reply)])
    }

    /// Answers after a device list request, and then after an import request.
    pub fn list_and_import(list: Vec<u8>, import: Vec<u8>) -> Self {
        Self::start(vec![
            (OP_HEADER_LEN, list),
            (OP_HEADER_LEN + BUSID_LEN, import),
        ])
    }

    fn start(answers: Vec<(usize, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let thread = thread::spawn(move || {
            let answer = |(length, reply): (usize, Vec<u8>)| {
                let (mut stream, _address): (TcpStream, _) = listener.accept().unwrap();
                let mut request = vec![0; length];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(&reply).unwrap();
                request
            };
            answers.into_iter().flat_map(answer).collect()
        });
        Self { port, thread }
    }

    /// The requests it got.
    pub fn request(self) -> Vec<u8> {
        self.thread.join().unwrap()
    }
}

/// Line the program prints for `-t`.
pub fn using_port(port: &str) -> String {
    format!("usbip: info: using port {port} (\"{port}\")\n")
}

/// A device record with one interface.
pub fn device(busid: &str) -> UsbDevice {
    UsbDevice {
        path: PathText::new(format!("/sys/devices/usb1/{busid}").as_bytes()),
        busid: BusIdText::new(busid.as_bytes()),
        busnum: 1,
        devnum: 2,
        speed: 3,
        id_vendor: 0x0781,
        id_product: 0x5567,
        bcd_device: 0x0126,
        class: UsbClass::default(),
        configuration_value: 1,
        num_configurations: 1,
        num_interfaces: 1,
    }
}

/// A reply header and what follows it.
pub fn reply(operation: Operation, status: u32, rest: &[&[u8]]) -> Vec<u8> {
    let header = OpHeader::reply(operation, OpStatus(status)).encode();
    [&header[..], &rest.concat()].concat()
}
