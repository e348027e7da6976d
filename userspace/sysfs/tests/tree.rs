// SPDX-License-Identifier: GPL-2.0

//! The view of a whole tree.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

use std::fs::File;

use usbip_fixture::FakeSysfs;
use usbip_sysfs::{BusId, DevId, ExportStatus, Hub, Port, PortState, Speed, Sysfs, VhciError};

fn busid(text: &str) -> BusId {
    text.parse().unwrap()
}

#[test]
fn devices_come_in_order_of_their_paths() {
    let fake = FakeSysfs::new().unwrap();
    for name in ["1-2", "1-10", "1-1"] {
        fake.add_usb_device(name).unwrap();
    }
    let names: Vec<_> = Sysfs::new(fake.root())
        .usb_devices()
        .iter()
        .map(|device| device.sysname().to_owned())
        .collect();
    assert_eq!(
        names,
        ["1-1", "1-1:1.0", "1-10", "1-10:1.0", "1-2", "1-2:1.0"]
    );
}

#[test]
fn paths_are_those_of_a_real_system() {
    let fake = FakeSysfs::new().unwrap();
    fake.add_usb_device("1-1").unwrap();
    let device = Sysfs::new(fake.root()).usb_device(&busid("1-1")).unwrap();
    let devpath = "/devices/pci0000:00/0000:00:14.0/usb1/1-1";
    assert_eq!(device.devpath(), devpath);
    assert_eq!(device.syspath(), format!("/sys{devpath}"));
    assert_eq!(device.speed(), Speed::High);
    assert_eq!(device.driver(), None);
    fake.set_driver("1-1", "usb").unwrap();
    assert_eq!(device.driver().as_deref(), Some("usb"));
}

#[test]
fn links_out_of_the_tree_are_no_devices() {
    let fake = FakeSysfs::new().unwrap();
    let link = fake.root().join("bus/usb/devices/1-1");
    std::os::unix::fs::symlink("/", link).unwrap();
    let sysfs = Sysfs::new(fake.root());
    assert!(sysfs.usb_device(&busid("1-1")).is_err());
    assert!(sysfs.usb_devices().is_empty());
}

#[test]
fn missing_tree_is_empty() {
    let sysfs = Sysfs::new("/nonexistent".as_ref());
    assert!(sysfs.usb_devices().is_empty());
    assert!(sysfs.exported_devices().is_empty());
    assert!(!sysfs.host_driver().is_loaded());
    assert!(matches!(sysfs.vhci(), Err(VhciError::NotLoaded)));
}

#[test]
fn only_devices_on_usbip_host_are_exported() {
    let fake = FakeSysfs::new().unwrap();
    for name in ["1-1", "1-2", "1-3"] {
        fake.add_usb_device(name).unwrap();
    }
    fake.export("1-1", "3\n").unwrap();
    fake.set_driver("1-2", "usbip-host2").unwrap();
    let devices = Sysfs::new(fake.root()).exported_devices();
    let found: Vec<_> = devices
        .iter()
        .map(|device| (device.busid(), device.status))
        .collect();
    assert_eq!(found, [("1-1", ExportStatus::Error)]);
}

#[test]
fn unreadable_numbers_are_zero() {
    let fake = FakeSysfs::new().unwrap();
    fake.add_usb_device("1-1").unwrap();
    fake.set("1-1", "idVendor", "12345\n").unwrap();
    fake.set("1-1", "devnum", "x\n").unwrap();
    let device = Sysfs::new(fake.root()).usb_device(&busid("1-1")).unwrap();
    let record = device.usb_record();
    assert_eq!((record.id_vendor, record.devnum, record.busnum), (0, 0, 1));
}

#[test]
fn ports_of_all_controllers() {
    let fake = FakeSysfs::new().unwrap();
    let second = "hs  0300 006 003 012c0002 4294967295 9-1\nss  0301 007 000 00000000 0000000000000000 0-0\n";
    fake.load_vhci(302, &["hs  0000 004 000 00000000 000000 0-0\n", second])
        .unwrap();
    let vhci = Sysfs::new(fake.root()).vhci().unwrap();
    assert_eq!(vhci.port_count(), 302);
    let ports = vhci.ports().unwrap();
    let states: Vec<_> = ports
        .iter()
        .map(|row| (row.port, row.hub, row.state))
        .collect();
    let expected = [
        (Port(0), Hub::High, PortState::Null),
        (Port(300), Hub::High, PortState::Used),
        (Port(301), Hub::Super, PortState::Error),
    ];
    assert_eq!(states, expected);
    let socket = File::open("/dev/null").unwrap();
    let devid = DevId::new(1, 2).unwrap();
    vhci.attach(Port(300), &socket, devid, 6).unwrap();
    let command = fake.vhci("attach").unwrap();
    assert!(
        command.starts_with("300 ") && command.ends_with(" 65538 6"),
        "{command}"
    );
}

#[test]
fn unusable_controllers() {
    let open = |fake: &FakeSysfs| Sysfs::new(fake.root()).vhci();
    let fake = FakeSysfs::new().unwrap();
    fake.load_vhci(0, &[""]).unwrap();
    assert!(matches!(open(&fake), Err(VhciError::NoPorts)));
    let fake = FakeSysfs::new().unwrap();
    fake.load_vhci(2, &[""]).unwrap();
    let status = "devices/platform/vhci_hcd.0/status";
    std::fs::remove_file(fake.root().join(status)).unwrap();
    let result = open(&fake).unwrap().ports();
    assert!(matches!(result, Err(VhciError::Status(_))), "{result:?}");
}
