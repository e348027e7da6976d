// SPDX-License-Identifier: GPL-2.0

//! `usbip bind` and `usbip unbind`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{Machine, Ran};

const DRIVERS: &str = "bus/usb/drivers";

fn machine(driver: Option<&str>) -> Machine {
    let machine = Machine::new();
    machine.sysfs.add_usb_device("1-1").unwrap();
    machine.sysfs.load_host_driver().unwrap();
    if let Some(driver) = driver {
        machine.sysfs.set_driver("1-1", driver).unwrap();
    }
    machine
}

fn host_file(machine: &Machine, name: &str) -> String {
    machine
        .sysfs
        .read(&format!("{DRIVERS}/usbip-host/{name}"))
        .unwrap()
}

#[test]
fn bind() {
    let machine = machine(Some("usb"));
    let complete = "usbip: info: bind device on busid 1-1: complete\n";
    assert_eq!(machine.run(&["bind", "-b", "1-1"]), Ran::quiet(0, complete));
    let unbound = machine.sysfs.read(&format!("{DRIVERS}/usb/unbind"));
    assert_eq!(unbound.unwrap(), "1-1");
    assert_eq!(host_file(&machine, "match_busid"), "add 1-1");
    assert_eq!(host_file(&machine, "bind"), "1-1");
}

#[test]
fn bind_without_present_driver() {
    let machine = machine(None);
    assert_eq!(machine.run(&["bind", "--busid=1-1"]).code, 0);
    assert_eq!(host_file(&machine, "bind"), "1-1");
}

#[test]
fn bind_refuses() {
    for busid in ["9-9", "", "..", "../1-1"] {
        let machine = machine(None);
        let text = format!(
            "usbip: error: device with the specified bus ID does not exist
usbip: info: no match: nothing is plugged in at '{busid}'; see what there is with \"usbip list -l\"\n"
        );
        assert_eq!(machine.run(&["bind", "-b", busid]), Ran::quiet(1, &text));
    }
    let bound = machine(Some("usbip-host"));
    let text = "usbip: error: device on busid 1-1 is already bound to usbip-host\n";
    assert_eq!(bound.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));

    let hub = machine(Some("usb"));
    hub.sysfs.set("1-1", "bDeviceClass", "09\n").unwrap();
    let text = "usbip: error: could not unbind driver from device on busid 1-1
usbip: info: cannot be exported: 1-1 is a hub; choose a device that is plugged into it with \"usbip list -l\"\n";
    assert_eq!(hub.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));

    let imported = Machine::new();
    let place = "devices/platform/vhci_hcd.0/usb3/3-1";
    imported.sysfs.add_usb_device_at(place, "3-1").unwrap();
    let text = format!(
        "usbip: error: bind loop detected: device: /{place} is attached to vhci_hcd\n
usbip: info: cannot be exported: the device is one of another machine; export it there\n"
    );
    assert_eq!(imported.run(&["bind", "-b", "3-1"]), Ran::quiet(1, &text));
}

#[test]
fn present_driver_that_holds_on() {
    let machine = machine(Some("usb"));
    std::fs::remove_file(machine.sysfs.root().join("bus/usb/drivers/usb/unbind")).unwrap();
    let text = "usbip: error: error unbinding device 1-1 from driver
usbip: error: could not unbind driver from device on busid 1-1
usbip: info: refused by the kernel: unbind: No such file or directory; see \"dmesg\"\n";
    assert_eq!(machine.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));
}

#[test]
fn missing_module_is_loaded_or_told() {
    let machine = Machine::new();
    machine.sysfs.add_usb_device("1-1").unwrap();
    machine.sysfs.set_driver("1-1", "usb").unwrap();
    machine.make_modprobe("echo $1: no such module >&2; exit 1");
    let text = "usbip: error: unable to bind device on 1-1
usbip: info: module absent: usbip-host is not loaded and loading it failed: usbip-host: no such module; run \"modprobe usbip-host\" as root\n";
    assert_eq!(machine.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));
    let unbound = machine.sysfs.read(&format!("{DRIVERS}/usb/unbind"));
    assert_eq!(
        unbound.unwrap(),
        "",
        "the device lost its driver for nothing"
    );

    let drivers = machine.sysfs.root().join(DRIVERS).join("usbip-host");
    let dir = drivers.display();
    machine.make_modprobe(&format!("mkdir {dir}; touch {dir}/match_busid {dir}/bind"));
    assert_eq!(machine.run(&["bind", "-b", "1-1"]).code, 0);
    assert_eq!(host_file(&machine, "bind"), "1-1");
}

#[test]
fn failed_bind_is_taken_back() {
    let machine = machine(None);
    std::fs::remove_file(machine.sysfs.root().join("bus/usb/drivers/usbip-host/bind")).unwrap();
    let text = "usbip: error: error binding device 1-1 to driver: No such file or directory
usbip: error: could not bind device to usbip-host
usbip: info: refused by the kernel: bind: No such file or directory; see \"dmesg\"\n";
    assert_eq!(machine.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));
    assert_eq!(host_file(&machine, "match_busid"), "del 1-1");
}

#[test]
fn device_in_use_is_refused_unless_forced() {
    let machine = machine(Some("usb"));
    machine.sysfs.add_disk("1-1", "sdb", "8:16").unwrap();
    machine.write_proc(
        "swaps",
        "Filename Type Size Used Priority\n/dev/sdb partition 1 0 -2\n",
    );
    let text = "usbip: error: could not unbind driver from device on busid 1-1
usbip: info: in use: sdb is swap space; run \"swapoff /dev/sdb\", or bind with --force\n";
    assert_eq!(machine.run(&["bind", "-b", "1-1"]), Ran::quiet(1, text));
    let unbound = machine.sysfs.read(&format!("{DRIVERS}/usb/unbind"));
    assert_eq!(unbound.unwrap(), "");
    assert_eq!(machine.run(&["bind", "-b", "1-1", "--force"]).code, 0);
}

#[test]
fn unbind() {
    let machine = machine(Some("usbip-host"));
    let complete = "usbip: info: unbind device on busid 1-1: complete\n";
    assert_eq!(
        machine.run(&["unbind", "-b", "1-1"]),
        Ran::quiet(0, complete)
    );
    assert_eq!(host_file(&machine, "unbind"), "1-1");
    assert_eq!(host_file(&machine, "match_busid"), "del 1-1");
    assert_eq!(host_file(&machine, "rebind"), "1-1");
}

#[test]
fn unbind_refuses() {
    let text = "usbip: error: device is not bound to usbip-host driver
usbip: info: not bound: 1-1 is not exported; see what is with \"usbip status\"\n";
    for driver in [None, Some("usb"), Some("usbip-host2")] {
        let machine = machine(driver);
        assert_eq!(machine.run(&["unbind", "-b", "1-1"]), Ran::quiet(1, text));
    }
    let machine = machine(Some("usbip-host"));
    std::fs::remove_file(
        machine
            .sysfs
            .root()
            .join("bus/usb/drivers/usbip-host/rebind"),
    )
    .unwrap();
    let text = "usbip: error: error rebinding
usbip: info: refused by the kernel: rebind: No such file or directory; see \"dmesg\"\n";
    assert_eq!(machine.run(&["unbind", "-b", "1-1"]), Ran::quiet(1, text));
}
