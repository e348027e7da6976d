// SPDX-License-Identifier: GPL-2.0

//! `usbip list`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{device, reply, using_port, FakeServer, Machine, Ran};
use usbip_protocol::op::{Operation, UsbClass};

#[test]
fn local_devices_without_hubs_and_imported_ones() {
    let machine = Machine::new();
    let sysfs = &machine.sysfs;
    for busid in ["1-10", "1-2", "1-1"] {
        sysfs.add_usb_device(busid).unwrap();
    }
    sysfs.set("1-1", "bDeviceClass", "09\n").unwrap();
    let imported = "devices/platform/vhci_hcd.0/usb3/3-1";
    sysfs.add_usb_device_at(imported, "3-1").unwrap();
    let device = |busid| {
        format!(" - busid {busid} (0781:5567)\n   SanDisk Corp. : Cruzer Blade (0781:5567)\n\n")
    };
    let ran = machine.run(&["list", "-l", "-p", "--bogus"]);
    assert_eq!(ran.stdout, device("1-10") + &device("1-2"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));

    std::fs::remove_file(machine.ids()).unwrap();
    let ran = machine.run(&["list", "--parsable", "--local"]);
    assert_eq!(
        ran.stdout,
        "busid=1-10#usbid=0781:5567#\nbusid=1-2#usbid=0781:5567#\n"
    );
    let missing = format!("usbip: error: failed to open {}\n", machine.ids().display());
    assert_eq!((ran.code, ran.stderr), (0, missing));
}

#[test]
fn missing_names_are_told_once_and_first() {
    let machine = Machine::new();
    std::fs::remove_file(machine.ids()).unwrap();
    let missing = format!("usbip: error: failed to open {}\n", machine.ids().display());
    assert_eq!(machine.run(&["list", "-l"]), Ran::quiet(0, &missing));
    let port = machine.run(&["port"]);
    assert!(port.stderr.starts_with(&missing), "{}", port.stderr);
    machine.sysfs.add_usb_device("1-1").unwrap();
    machine.sysfs.add_usb_device("1-2").unwrap();
    let ran = machine.run(&["list", "-l"]);
    let path = machine.ids();
    let expected = format!("usbip: error: failed to open {}\n", path.display());
    assert_eq!((ran.code, ran.stderr), (0, expected));
    assert!(ran
        .stdout
        .contains("   unknown vendor : unknown product (0781:5567)\n"));
}

#[test]
fn missing_attribute_is_an_error() {
    let machine = Machine::new();
    machine.sysfs.add_usb_device("1-1").unwrap();
    let device = machine.sysfs.root().join("bus/usb/devices/1-1");
    std::fs::remove_file(device.join("idProduct")).unwrap();
    let text = "usbip: error: problem getting device attributes: No such file or directory\n";
    assert_eq!(machine.run(&["list", "-l"]), Ran::quiet(1, text));
}

#[test]
fn gadgets() {
    let machine = Machine::new();
    machine.sysfs.add_gadget("usbip-vudc.0").unwrap();
    let ran = machine.run(&["list", "-p", "-d"]);
    assert_eq!(ran.stdout, "busid=usbip-vudc.0#usbid=0781:5567#\n");
}

#[test]
fn remote_devices() {
    let machine = Machine::new();
    let interface = UsbClass([8, 6, 0x50]);
    let mut unconfigured = device("1-2");
    unconfigured.num_interfaces = 0;
    let records = [
        &device("1-1").encode()[..],
        &interface.encode_interface(),
        &unconfigured.encode(),
    ]
    .concat();
    let server = FakeServer::list(reply(Operation::DevList, 0, &[&[0, 0, 0, 2], &records]));
    let ran = machine.run(&["-t", &server.port, "list", "-p", "-r", "127.0.0.1"]);
    let expected = "Exportable USB devices
======================
 - 127.0.0.1
        1-1: SanDisk Corp. : Cruzer Blade (0781:5567)
           : /sys/devices/usb1/1-1
           : (Defined at Interface level) (00/00/00)
           :  0 - Mass Storage / SCSI / Bulk-Only (08/06/50)

        1-2: SanDisk Corp. : Cruzer Blade (0781:5567)
           : /sys/devices/usb1/1-2
           : (Defined at Interface level) (00/00/00)

";
    assert_eq!(ran.stdout, expected);
    assert_eq!((ran.code, ran.stderr), (0, using_port(&server.port)));
    assert_eq!(server.request(), b"\x01\x11\x80\x05\0\0\0\0");
}

/// Runs `list -r` against a server with that reply: exit code and the lines after `-t`'s.
fn list_from(reply: Vec<u8>) -> (i32, String) {
    let server = FakeServer::list(reply);
    let ran = Machine::new().run(&["-t", &server.port, "list", "-r", "127.0.0.1"]);
    let stderr = ran.stderr.strip_prefix(&using_port(&server.port)).unwrap();
    assert_eq!(ran.stdout, "");
    (ran.code, stderr.to_owned())
}

#[test]
fn empty_remote_list() {
    let text = "usbip: info: no exportable devices found on 127.0.0.1\n";
    let reply = reply(Operation::DevList, 0, &[&[0; 4]]);
    assert_eq!(list_from(reply), (0, text.to_owned()));
}

#[test]
fn remote_failures() {
    let (code, text) = list_from(reply(Operation::DevList, 1, &[]));
    let expected = "usbip: error: Exported Device List Request failed - Request Failed\n
usbip: error: failed to get device list from 127.0.0.1
usbip: info: refused: the server refuses; look at the log of usbipd there\n";
    assert_eq!((code, text.as_str()), (1, expected));

    let (code, text) = list_from(reply(Operation::Import, 0, &[]));
    assert!(
        text.contains("Request failed - Unexpected response\n\n"),
        "{text}"
    );
    assert_eq!(code, 1);

    let (code, text) = list_from(b"\x01\x06\0\x05\0\0\0\0".to_vec());
    assert!(text.starts_with("usbip: error: USBIP Kernel and tool version mismatch: 262 273:\n"));
    let cause = "usbip: info: version mismatch: the server speaks 0x0106, this tool 0x0111;";
    assert!(text.contains(cause), "{text}");
    assert_eq!(code, 1);

    let (code, text) = list_from(reply(Operation::DevList, 0, &[&[0xff; 4]]));
    let expected = "usbip: error: failed to get device list from 127.0.0.1
usbip: info: bad answer: peer announces 4294967295 devices;";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(code, 1);
}

#[test]
fn local_servers_have_no_port_and_no_ping() {
    for (host, cause) in [
        (
            "unix:/nonexistent",
            "unreachable: unix:/nonexistent: there is no such file; run \"usbipd -D --listen=unix:/nonexistent\"",
        ),
        (
            "vsock:x",
            "unreachable: vsock:x: invalid input parameter; write unix:/PATH, vsock:CID or vsock:CID:PORT; vsock takes a virtual machine",
        ),
    ] {
        let ran = Machine::new().run(&["list", "-r", host]);
        let text = format!(
            "usbip: error: could not connect to {host}: System error\nusbip: info: {cause}\n"
        );
        assert_eq!(ran, Ran::quiet(1, &text));
    }
}

#[test]
fn refused_connection() {
    let ran = Machine::new().run(&["-t1", "list", "-r", "127.0.0.1"]);
    let expected = "usbip: info: using port 1 (\"1\")
usbip: error: could not connect to 127.0.0.1:1: System error\n";
    assert_eq!((ran.code, ran.stderr.lines().take(2).count()), (1, 2));
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
}
