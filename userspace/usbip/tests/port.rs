// SPDX-License-Identifier: GPL-2.0

//! `usbip port` and `usbip detach`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{Machine, Ran};

const TITLE: &str = "Imported USB devices\n====================\n";

const USED: &str = "hs  0000 006 003 00010002 000003 3-1\n";

/// A machine with that row among others, and device 3-1.
fn machine(rows: &[&str]) -> Machine {
    let machine = Machine::new();
    machine.sysfs.load_vhci(600, rows).unwrap();
    let place = "devices/platform/vhci_hcd.0/usb3/3-1";
    machine.sysfs.add_usb_device_at(place, "3-1").unwrap();
    machine
}

#[test]
fn attached_devices() {
    let machine = machine(&[USED, "ss  0300 005 000 00000000 000000 0-0\n"]);
    machine.write_record(0, "10.0.0.3 3240 1-2\n");
    let ports = "Port 00: <Port in Use> at High Speed(480Mbps)
       SanDisk Corp. : Cruzer Blade (0781:5567)
       3-1 -> usbip://10.0.0.3:3240/1-2
           -> remote bus/dev 001/002\n";
    let ran = machine.run(&["port", "--ignored"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, [TITLE, ports].concat());
}

#[test]
fn missing_record() {
    let machine = machine(&[USED]);
    let ran = machine.run(&["port"]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.stderr,
        "libusbip: error: fopen\nlibusbip: error: read_record\n"
    );
    let line = "       3-1 -> unknown host, remote port and remote busid\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
}

#[test]
fn one_bad_row_or_file_does_not_hide_the_others() {
    let broken =
        "hs  0000 007 000 00000000 000000 0-0\nnonsense\nhs  0001 006 003 00010002 000003 9-9\n";
    let machine = machine(&[broken, "unread", "ss  0500 006 003 00010002 000003 3-1\n"]);
    let unread = machine
        .sysfs
        .root()
        .join("devices/platform/vhci_hcd.0/status.1");
    std::fs::remove_file(unread).unwrap();
    for port in [0, 1, 500] {
        machine.write_record(port, "h 3240 1-1\n");
    }
    let ran = machine.run(&["port"]);
    assert_eq!(ran.code, 0);
    for line in [
        "Port 00: <Port Error> at Unknown Speed\n",
        "Port 01: <Port in Use> at Unknown Speed\n",
        "Port 500: <Port in Use> at High Speed(480Mbps)\n",
    ] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    assert!(ran.stderr.contains("nonsense"), "{}", ran.stderr);
    assert!(ran.stderr.contains("status.1"), "{}", ran.stderr);
    assert_eq!(machine.run(&["detach", "-p", "500"]).code, 0);
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "500");
}

#[test]
fn missing_module_names_the_next_step() {
    let text = "libusbip: error: udev_device_new_from_subsystem_sysname failed
usbip: error: open vhci_driver (is vhci_hcd loaded?)
usbip: error: list imported devices
usbip: info: module absent: vhci_hcd is not loaded; run \"modprobe vhci_hcd\" as root\n";
    assert_eq!(Machine::new().run(&["port"]), Ran::quiet(1, text));
    let ran = Machine::new().run(&["detach", "-p", "0"]);
    assert_eq!(ran.code, 1);
}

#[test]
fn no_ports() {
    let machine = machine(&[""]);
    machine
        .sysfs
        .write("devices/platform/vhci_hcd.0/nports", "0\n")
        .unwrap();
    let ran = machine.run(&["port"]);
    assert_eq!(ran.code, 1);
    assert!(ran
        .stderr
        .starts_with("libusbip: error: no available ports\n"));
}

#[test]
fn detach_removes_the_record() {
    let machine = machine(&[USED]);
    machine.write_record(0, "10.0.0.3 3240 1-2\n");
    let text = "usbip: info: Port 0 is now detached!\n\n";
    assert_eq!(machine.run(&["detach", "-p", "00"]), Ran::quiet(0, text));
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "0");
    assert!(!machine.records().exists());
}

#[test]
fn refused_detach_keeps_the_record() {
    let machine = machine(&[USED]);
    machine.write_record(0, "10.0.0.3 3240 1-2\n");
    let detach = machine
        .sysfs
        .root()
        .join("devices/platform/vhci_hcd.0/detach");
    std::fs::remove_file(detach).unwrap();
    let text = "usbip: error: Port 0 detach request failed!\n
usbip: info: refused by the kernel: vhci_hcd detach: No such file or directory; see \"dmesg\"\n";
    assert_eq!(machine.run(&["detach", "-p", ""]), Ran::quiet(1, text));
    assert!(machine.read_record(0).is_some());
}

#[test]
fn detach_of_a_free_port() {
    let machine = machine(&["hs  0000 004 000 00000000 000000 0-0\n"]);
    machine.write_record(0, "10.0.0.3 3240 1-2\n");
    let text = "usbip: info: Port 0 is already detached!\n\n";
    assert_eq!(machine.run(&["detach", "--port=0"]), Ran::quiet(0, text));
    assert!(machine.read_record(0).is_some());
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "");
}

#[test]
fn detach_of_no_port() {
    let machine = machine(&[USED]);
    for port in ["256", "99999999999"] {
        let text = format!(
            "usbip: error: Invalid port {port} > maxports 600
usbip: info: no match: there are 600 ports; see the ports in use with \"usbip port\"\n"
        );
        assert_eq!(machine.run(&["detach", "-p", port]), Ran::quiet(1, &text));
    }
    for port in ["x", "-1", "0x0", " 0"] {
        let text = format!(
            "usbip: error: invalid port {port}
usbip: info: no match: a port is a number; see the ports in use with \"usbip port\"\n"
        );
        assert_eq!(machine.run(&["detach", "-p", port]), Ran::quiet(1, &text));
    }
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "");
}

/// A machine with two sticks of one make, and a port whose device is not there yet.
fn crowded() -> Machine {
    let machine = machine(&[
        USED,
        "hs  0001 006 003 00010003 000003 3-2\n",
        "hs  0002 005 000 00000000 000000 0-0\n",
    ]);
    let hub = "devices/platform/vhci_hcd.0/usb3";
    let sysfs = &machine.sysfs;
    sysfs
        .add_usb_device_at(&format!("{hub}/3-2"), "3-2")
        .unwrap();
    for (busid, serial) in [("3-1", "S1\n"), ("3-2", "S2\n")] {
        sysfs
            .write(&format!("{hub}/{busid}/serial"), serial)
            .unwrap();
    }
    machine
}

#[test]
fn detach_by_identity() {
    let machine = crowded();
    let ran = machine.run(&["detach", "--id", "0781:5567"]);
    let expected = "usbip: error: 2 devices have id 0781:5567
usbip: info:   0: SanDisk Corp. : Cruzer Blade (0781:5567), serial S1
usbip: info:   1: SanDisk Corp. : Cruzer Blade (0781:5567), serial S2
usbip: info: ambiguous: id 0781:5567 fits 0, 1; choose one with -p PORT, or add --serial\n";
    assert_eq!(ran, Ran::quiet(1, expected));
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "");
    let ran = machine.run(&["detach", "--serial", "s2"]);
    assert_eq!(ran, Ran::quiet(0, &detached(1)));
    assert_eq!(machine.sysfs.vhci("detach").unwrap(), "1");
}

fn detached(port: u32) -> String {
    format!("usbip: info: Port {port} is now detached!\n\n")
}

#[test]
fn detach_all() {
    let machine = crowded();
    let ran = machine.run(&["detach", "--all"]);
    let first = detached(0) + &detached(1);
    assert_eq!(ran, Ran::quiet(0, &(first.clone() + &detached(2))));
    let ran = machine.run(&["detach", "--all", "--product", "*blade*"]);
    assert_eq!(ran, Ran::quiet(0, &first));
    let ran = machine.run(&["detach", "--all", "--class", "printer"]);
    let nothing = "usbip: info: there is nothing to detach\n";
    assert_eq!(ran, Ran::quiet(0, nothing));
}
