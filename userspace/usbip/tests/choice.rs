// SPDX-License-Identifier: GPL-2.0

//! Choosing devices by what they are.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{device, reply, FakeServer, Machine, Ran};
use usbip_protocol::op::{BusIdText, Operation, UsbClass, UsbDevice};

/// Two sticks that differ in their serial numbers, and a hub of the same make.
fn machine() -> Machine {
    let machine = Machine::new();
    let sysfs = &machine.sysfs;
    sysfs.load_host_driver().unwrap();
    for (busid, serial) in [("1-1", "S1\n"), ("1-2", "S2\n"), ("1-3", "S3\n")] {
        sysfs.add_usb_device(busid).unwrap();
        sysfs.set(busid, "serial", serial).unwrap();
        sysfs.set_driver(busid, "usb").unwrap();
    }
    sysfs.set("1-3", "bDeviceClass", "09\n").unwrap();
    machine
}

fn complete(verb: &str, busid: &str) -> Ran {
    Ran::quiet(
        0,
        &format!("usbip: info: {verb} device on busid {busid}: complete\n"),
    )
}

#[test]
fn one_local_device() {
    for (option, value) in [("--serial", "s2"), ("--serial", "?2")] {
        let ran = machine().run(&["bind", option, value]);
        assert_eq!(ran, complete("bind", "1-2"));
    }
    let machine = machine();
    machine.sysfs.export("1-1", "1\n").unwrap();
    let ran = machine.run(&["unbind", "--id", "0781:*", "--product", "*blade*"]);
    assert_eq!(ran, complete("unbind", "1-1"));
}

#[test]
fn ambiguous_choice_lists_the_candidates() {
    let ran = machine().run(&["bind", "--class", "storage"]);
    let expected = "usbip: error: 2 devices have class 08
usbip: info:   1-1: SanDisk Corp. : Cruzer Blade (0781:5567), serial S1
usbip: info:   1-2: SanDisk Corp. : Cruzer Blade (0781:5567), serial S2
usbip: info: ambiguous: class 08 fits 1-1, 1-2; choose one with -b BUSID, or add --serial\n";
    assert_eq!(ran, Ran::quiet(1, expected));
}

#[test]
fn nothing_fits() {
    let ran = machine().run(&["bind", "--id", "0781:1234"]);
    assert_eq!(ran.code, 1);
    let expected = "usbip: error: no device has id 0781:1234\nusbip: info: no match: ";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    let ran = machine().run(&["bind", "--id", "nonsense"]);
    let expected = "usbip: error: --id: 'nonsense' is not an id: write VENDOR:PRODUCT";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    let ran = machine().run(&["list", "-l", "--class", "hub"]);
    assert!(
        ran.stderr.contains("'hub' is not a class"),
        "{}",
        ran.stderr
    );
}

#[test]
fn lists_show_what_fits() {
    let ran = machine().run(&["list", "-p", "-l", "--serial", "S2"]);
    assert_eq!(ran.stdout, "busid=1-2#usbid=0781:5567#\n");
    let ran = machine().run(&["list", "-r", "h", "--serial", "S2"]);
    let expected = "usbip: error: --serial cannot be matched in a list from a server\n";
    assert!(ran.code == 1 && ran.stderr.starts_with(expected), "{ran:?}");
}

fn offer(devices: &[UsbDevice]) -> Vec<u8> {
    let count = u32::try_from(devices.len()).unwrap().to_be_bytes();
    let interface = UsbClass([8, 6, 0x50]).encode_interface();
    let records: Vec<_> = devices
        .iter()
        .flat_map(|device| [&device.encode()[..], &interface].concat())
        .collect();
    reply(Operation::DevList, 0, &[&count, &records])
}

#[test]
fn remote_devices_by_id_class_and_name() {
    let mut other = device("1-2");
    other.id_product = 0x1234;
    for (option, value) in [("--id", "0781:5567"), ("--product", "Cruzer*")] {
        let server = FakeServer::list(offer(&[device("1-1"), other]));
        let ran = machine().run(&["-t", &server.port, "list", "-r", "127.0.0.1", option, value]);
        assert!(
            ran.stdout.contains(" 1-1: ") && !ran.stdout.contains(" 1-2: "),
            "{ran:?}"
        );
    }
    let server = FakeServer::list(offer(&[device("1-1"), other]));
    let ran = machine().run(&[
        "-t",
        &server.port,
        "attach",
        "-r",
        "127.0.0.1",
        "--class",
        "08",
    ]);
    let expected = "usbip: error: 2 devices have class 08\n";
    assert!(ran.code == 1 && ran.stderr.contains(expected), "{ran:?}");
}

#[test]
fn what_has_no_bus_id_is_passed_over() {
    let mut odd = device("");
    odd.busid = BusIdText::new(b"1-2\x1b[2J\nusbip: info: all is well");
    for choice in [&["--all"][..], &["--id", "0781:5567"]] {
        let server = FakeServer::list_and_import(
            offer(&[odd, device("1-1")]),
            reply(Operation::Import, 0, &[&device("1-1").encode()]),
        );
        let machine = machine();
        let rows = "hs  0000 004 000 00000000 000000 0-0\n";
        machine.sysfs.load_vhci(1, &[rows]).unwrap();
        let attach = ["-t", &server.port, "attach", "-r", "127.0.0.1"];
        let ran = machine.run(&[&attach, choice].concat());
        let expected =
            "usbip: info: 1-2?[2J?usbip: info: all is wel is passed over: it is no bus id
usbip: info: device 1-1 is attached to port 0\n";
        assert!(ran.code == 0 && ran.stderr.ends_with(expected), "{ran:?}");
    }
}
