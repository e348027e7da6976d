// SPDX-License-Identifier: GPL-2.0

//! `usbip attach`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{device, reply, using_port, FakeServer, Machine};
use usbip_protocol::op::{BusIdText, Operation, UsbDevice};

const ROWS: &str = "hs  0000 006 003 00010002 000003 9-9
hs  0001 004 000 00000000 000000 0-0
ss  0002 004 000 00000000 000000 0-0
";

fn machine() -> Machine {
    let machine = Machine::new();
    machine.sysfs.load_vhci(4, &[ROWS]).unwrap();
    machine
}

fn import_of(device: &UsbDevice) -> FakeServer {
    FakeServer::import(reply(Operation::Import, 0, &[&device.encode()]))
}

/// Runs `attach`: exit code and the lines after `-t`'s. Standard output is always empty.
fn attach(machine: &Machine, server: &FakeServer, busid: &str) -> (i32, String) {
    let ran = machine.run(&["-t", &server.port, "attach", "-r", "127.0.0.1", "-b", busid]);
    let stderr = ran.stderr.strip_prefix(&using_port(&server.port)).unwrap();
    assert_eq!(ran.stdout, "");
    (ran.code, stderr.to_owned())
}

#[test]
fn success_says_nothing_and_leaves_a_record() {
    let machine = machine();
    let mut wanted = device("1-2");
    wanted.busnum = 300;
    let server = import_of(&wanted);
    let port = server.port.clone();
    assert_eq!(attach(&machine, &server, "1-2"), (0, String::new()));
    let command = machine.sysfs.vhci("attach").unwrap();
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!((words[0], words[2], words[3]), ("1", "19660802", "3"));
    assert!(words[1].parse::<u32>().is_ok());
    let record = format!("127.0.0.1 {port} 1-2\n");
    assert_eq!(machine.read_record(1), Some(record));
    let mut request = b"\x01\x11\x80\x03\0\0\0\x001-2".to_vec();
    request.resize(40, 0);
    assert_eq!(server.request(), request);
}

#[test]
fn speed_chooses_the_hub() {
    let machine = machine();
    let mut fast = device("1-2");
    fast.speed = 5;
    assert_eq!(attach(&machine, &import_of(&fast), "1-2").0, 0);
    assert!(machine.sysfs.vhci("attach").unwrap().starts_with("2 "));
}

#[test]
fn refusals_are_told_in_words() {
    let refused = "refused: the server refuses; look at the log of usbipd there";
    let rows = [
        ("Request Failed", refused),
        (
            "Device busy (exported)",
            "in use: another client has the device; see who with \"usbip status\" there",
        ),
        (
            "Device in error state",
            "device error: the device is unusable until it is exported anew; run \"usbip unbind -b 1-2\" and \"usbip bind -b 1-2\" there",
        ),
        (
            "Device not found",
            "not bound: the server does not export this device; run \"usbip bind -b 1-2\" there",
        ),
        ("Unexpected response", refused),
        ("Unknown Op Common Status", refused),
    ];
    for (status, (text, cause)) in (1..).zip(rows) {
        let server = FakeServer::import(reply(Operation::Import, status, &[]));
        let expected = format!(
            "usbip: error: Attach Request for 1-2 failed - {text}\n\nusbip: info: {cause}\n"
        );
        assert_eq!(attach(&machine(), &server, "1-2"), (1, expected));
    }
}

#[test]
fn other_device_is_refused() {
    let machine = machine();
    let mut other = device("1-3");
    other.busid = BusIdText::new(b"1-3\x1b[2J");
    let expected = "usbip: error: recv different busid 1-3?[2J
usbip: info: bad answer: the server hands out 1-3?[2J instead of 1-2; see what it has with \"usbip list -r\"\n";
    assert_eq!(
        attach(&machine, &import_of(&other), "1-2"),
        (1, expected.to_owned())
    );
    assert_eq!(machine.sysfs.vhci("attach").unwrap(), "");

    let long = "1-".to_owned() + &"1".repeat(40);
    let expected = format!("usbip: error: recv different busid {}\n", &long[..31]);
    let (code, text) = attach(&machine, &import_of(&device(&long)), &long);
    assert!(code == 1 && text.starts_with(&expected), "{text}");
}

#[test]
fn broken_off_replies() {
    for length in [0, 4, 8, 319] {
        let mut bytes = reply(Operation::Import, 0, &[&device("1-2").encode()]);
        bytes.truncate(length);
        let (code, text) = attach(&machine(), &FakeServer::import(bytes), "1-2");
        let expected = match length {
            0..8 => "usbip: error: Attach Request for 1-2 failed - Unexpected response\n\n",
            _ => "usbip: error: recv op_import_reply\n",
        };
        assert!(text.starts_with(expected), "{length}: {text}");
        assert_eq!(code, 1);
    }
}

#[test]
fn no_free_port() {
    let machine = Machine::new();
    let rows = "hs  0000 005 000 00000000 000000 0-0\nss  0001 004 000 00000000 000000 0-0\n";
    machine.sysfs.load_vhci(2, &[rows]).unwrap();
    let expected = "usbip: error: no free port
usbip: info: no free port: every port for devices of this speed is taken; give a device back with \"usbip detach -p PORT\"\n";
    let server = import_of(&device("1-2"));
    assert_eq!(attach(&machine, &server, "1-2"), (1, expected.to_owned()));
}

#[test]
fn missing_module_is_loaded_or_told() {
    let machine = Machine::new();
    let (code, text) = attach(&machine, &import_of(&device("1-2")), "1-2");
    let expected = format!(
        "libusbip: error: udev_device_new_from_subsystem_sysname failed
usbip: error: open vhci_driver (is vhci_hcd loaded?)
usbip: info: module absent: vhci_hcd is not loaded and loading it failed: {}: No such file or directory; run \"modprobe vhci_hcd\" as root\n",
        machine.modprobe().display()
    );
    assert_eq!((code, text), (1, expected));

    let loaded = self::machine();
    let place = loaded.sysfs.root().join("bus/platform/devices/vhci_hcd.0");
    let hidden = loaded.sysfs.root().join("hidden");
    std::fs::rename(&place, &hidden).unwrap();
    loaded.make_modprobe(&format!("mv {} {}", hidden.display(), place.display()));
    let server = import_of(&device("1-2"));
    assert_eq!(attach(&loaded, &server, "1-2"), (0, String::new()));
}

#[test]
fn unwritable_record_is_told() {
    let machine = machine();
    std::fs::write(machine.records(), "no directory").unwrap();
    let (code, text) = attach(&machine, &import_of(&device("1-2")), "1-2");
    assert!(
        text.starts_with("usbip: error: record connection\n"),
        "{text}"
    );
    assert_eq!(code, 1);
    assert_ne!(machine.sysfs.vhci("attach").unwrap(), "");
}

#[test]
fn refused_connection() {
    let ran = machine().run(&["-t1", "attach", "-r", "127.0.0.1", "-d", "usbip-vudc.0"]);
    let expected = "usbip: info: using port 1 (\"1\")
usbip: error: tcp connect
usbip: info: refused: nobody listens on 127.0.0.1:1; run \"usbipd -D\" there\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
}
