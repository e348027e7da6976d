// SPDX-License-Identifier: GPL-2.0

//! What is exported by a rule, and taken back.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use harness::place::{Place, ONE_DEVICE};
use harness::{asks_for_a_list, wait_until, Daemon};
use rustix::fs::{mknodat, FileType, Mode, CWD};

/// A rule for some devices, and where to listen.
const WANTED: &str = "listen = ['127.0.0.1:0']\n[[allow]]\nserial = 'WANTED*'\n";

/// Start of a device list with two devices.
const TWO_DEVICES: &[u8] = b"\x01\x11\0\x05\0\0\0\0\0\0\0\x02";

#[test]
fn allowed_devices_are_bound_and_no_others() {
    let place = Place::new(WANTED);
    for (busid, serial) in [("1-2", "WANTED1\n"), ("1-3", "OTHER\n")] {
        place.plug(busid, serial);
    }
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: exporting device 1-2 (0781:5567)");
    assert_eq!(place.unbound(), "1-2");
    assert_eq!(place.host_driver("match_busid"), "add 1-2");
    assert_eq!(place.host_driver("bind"), "1-2");
    // As the kernel would have done.
    place.sysfs.export("1-2", "1\n").unwrap();
    wait_until("state is written", || place.state().contains("WANTED1"));
    assert!(!place.state().contains("OTHER"), "{}", place.state());

    // The user unbinds it: that wins, also over a new look.
    place.sysfs.set_driver("1-2", "usb").unwrap();
    daemon.signal("-HUP");
    daemon.wait_for("usbipd: info: device 1-2 (0781:5567) was unbound, leaving it alone");
    wait_until("release is written", || place.state().contains("released"));

    // It is plugged in again.
    place.sysfs.set("1-2", "devnum", "9\n").unwrap();
    daemon.signal("-HUP");
    daemon.wait_for("usbipd: info: exporting device 1-2 (0781:5567)");
}

#[test]
fn a_release_outlives_the_daemon_and_a_removed_rule_takes_back() {
    let rule = "listen = ['127.0.0.1:0']\n[[allow]]\nid = '0781:*'\n";
    let place = Place::new(rule);
    place.sysfs.set_driver("1-1", "usb").unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: exporting device 1-1");
    place.sysfs.export("1-1", "1\n").unwrap();
    wait_until("state is written", || place.state().contains("bound"));
    daemon.stop("-TERM");

    // Unbound while no daemon ran.
    place.sysfs.set_driver("1-1", "usb").unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: device 1-1 (0781:5567) was unbound");
    daemon.stop("-TERM");

    place.sysfs.set("1-1", "devnum", "3\n").unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: exporting device 1-1");
    place.sysfs.export("1-1", "1\n").unwrap();
    wait_until("state is written", || place.state().contains("bound"));
    place.configure("listen = ['127.0.0.1:0']");
    daemon.signal("-HUP");
    daemon.wait_for("usbipd: info: no rule allows device 1-1");
    wait_until("rebind is written", || place.host_driver("rebind") == "1-1");
}

#[test]
fn a_rule_removed_while_no_daemon_runs_takes_back() {
    let place = Place::new(WANTED);
    place.plug("1-2", "WANTED1\n");
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: exporting device 1-2");
    place.sysfs.export("1-2", "1\n").unwrap();
    wait_until("state is written", || place.state().contains("bound"));
    daemon.stop("-TERM");

    place.configure("listen = ['127.0.0.1:0']");
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: no rule allows device 1-2");
    wait_until("rebind is written", || place.host_driver("rebind") == "1-2");
}

/// Every write to the file fails from now on.
fn break_file(path: &Path) {
    fs::remove_file(path).unwrap();
    symlink("/dev/full", path).unwrap();
}

#[test]
fn a_device_there_is_no_place_for_keeps_its_driver() {
    let place = Place::new(WANTED);
    place.plug("1-2", "WANTED1\n");
    break_file(&place.driver_file("usbip-host", "match_busid"));
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    let line = daemon.wait_for("usbipd: error: cannot export device 1-2 (0781:5567)");
    assert!(line.contains(": match_busid: "), "{line}");
    assert_eq!(place.unbound(), "");
}

#[test]
fn a_device_its_driver_keeps_takes_no_place() {
    let place = Place::new(WANTED);
    place.plug("1-2", "WANTED1\n");
    break_file(&place.driver_file("usb", "unbind"));
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    let line = daemon.wait_for("usbipd: error: cannot export device 1-2 (0781:5567)");
    assert!(line.contains(": unbinding it from usb: "), "{line}");
    assert_eq!(place.host_driver("match_busid"), "del 1-2");
    assert_eq!(place.host_driver("bind"), "");
}

#[test]
fn a_device_that_is_gone_takes_no_place() {
    let place = Place::new(WANTED);
    place.plug("1-2", "WANTED1\n");
    let usb = place.sysfs.root().join("bus/usb/devices");
    let bus = fs::canonicalize(usb.join("1-2/..")).unwrap();
    symlink(&bus, usb.join("usb1")).unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    daemon.wait_for("usbipd: info: exporting device 1-2");
    place.sysfs.export("1-2", "1\n").unwrap();
    wait_until("state is written", || place.state().contains("WANTED1"));

    // The kernel takes a device off the bus first and from its driver then.
    fs::remove_file(usb.join("1-2")).unwrap();
    place.plug("1-3", "WANTED2\n");
    daemon.signal("-HUP");
    wait_until("another is seen", || place.state().contains("WANTED2"));
    assert!(place.state().contains("WANTED1"), "{}", place.state());

    fs::remove_dir_all(bus.join("1-2")).unwrap();
    daemon.signal("-HUP");
    wait_until("it is gone", || !place.state().contains("WANTED1"));
    assert_eq!(place.host_driver("match_busid"), "del 1-2");
}

/// A machine on which binding a device takes until somebody reads the file `bind`, and the answer
/// of its daemon to a client that was there first.
fn slowly_bound() -> (Place, Daemon, Receiver<Vec<u8>>) {
    let place = Place::new("[[allow]]\nserial = 'WANTED*'\n");
    place.plug("1-2", "WANTED1\n");
    let bind = place.driver_file("usbip-host", "bind");
    fs::remove_file(&bind).unwrap();
    mknodat(CWD, &bind, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || sender.send(asks_for_a_list(client)));
    let daemon = Daemon::spawn(&place.sysfs, &mut place.activated(listener));
    wait_until("it is allowed", || {
        place.host_driver("match_busid") == "add 1-2"
    });
    (place, daemon, answer)
}

#[test]
fn the_first_client_gets_what_rules_export() {
    let (place, _daemon, answer) = slowly_bound();
    let early = answer.recv_timeout(Duration::from_millis(300));
    assert!(early.is_err(), "{early:?}");
    place.sysfs.export("1-2", "1\n").unwrap();
    assert_eq!(place.host_driver("bind"), "1-2");
    let answer = answer.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(answer.starts_with(TWO_DEVICES), "{answer:?}");
}

#[test]
fn the_first_client_does_not_wait_for_ever() {
    let (_place, _daemon, answer) = slowly_bound();
    let answer = answer.recv_timeout(Duration::from_secs(15)).unwrap();
    assert!(answer.starts_with(ONE_DEVICE), "{answer:?}");
}
