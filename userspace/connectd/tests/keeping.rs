// SPDX-License-Identifier: GPL-2.0

//! The service on an imitation of sysfs, against an imitation of a server. What the kernel would
//! do is done by the test.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use harness::{Machine, Server};

const WANTED: &str = "[[attach]]\nname = 'stick'\nhost = '127.0.0.1'\nid = '0781:5567'\n";

#[test]
fn attaches_the_device_that_fits() {
    let server = Server::start(&[("1-1", 0x1111), ("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let _service = machine.start();
    machine.wait_for_state("attached");
    let command = machine.sysfs.vhci("attach").unwrap();
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!((words[0], words[2], words[3]), ("1", "65538", "3"));
    let record = format!("127.0.0.1 {} 1-2\n", server.port);
    assert_eq!(machine.record(1), Some(record));
    let entry = machine.entry();
    assert_eq!(entry["busid"], "1-2");
    assert_eq!(entry["local_port"], 1);
    assert_eq!(server.imports(), ["1-2"]);
}

#[test]
fn lost_attachments_come_back_and_detached_ones_do_not() {
    let server = Server::start(&[("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let service = machine.start();
    // The kernel never shows the device: the port is free when it is looked at again.
    machine.wait_until("it is attached twice", || server.imports().len() >= 2);
    machine.wait_for_state("attached");
    machine.take_port();
    service.restart();
    machine.wait_for_state("attached");
    let imports = server.imports().len();

    // "usbip detach".
    machine.remove_record(1);
    machine.free_port();
    service.restart();
    machine.wait_for_state("detached");
    assert!(machine
        .run(&["--resume", "other"])
        .contains("these are: stick"));
    service.restart();
    machine.wait_for_state("detached");
    assert_eq!(server.imports().len(), imports);

    machine.run(&["--resume", "stick"]);
    machine.wait_for_state("attached");
    assert_eq!(server.imports().len(), imports + 1);
}

#[test]
fn what_the_user_attaches_is_adopted() {
    let server = Server::start(&[]);
    let machine = Machine::new(WANTED, &server);
    machine.take_port();
    machine.write_record(1, &format!("127.0.0.1 {} 1-2\n", server.port));
    let service = machine.start();
    machine.wait_for_state("attached");
    service.restart();
    machine.wait_for_state("attached");
    assert_eq!(server.imports(), [""; 0]);
}

#[test]
fn another_device_of_the_same_name_is_another_one() {
    let server = Server::start(&[("1-2", 0x5567), ("1-3", 0x5568)]);
    for is_restarted in [false, true] {
        let machine = Machine::new(WANTED, &server);
        let service = machine.start();
        machine.wait_for_state("attached");
        machine.take_port();
        machine.configure(&WANTED.replace("5567", "5568"), &server);
        match is_restarted {
            true => service.restart(),
            false => service.reload(),
        }
        machine.wait_until("the other one is attached", || {
            machine.entry()["busid"] == "1-3"
        });
        assert_eq!(machine.entry()["local_port"], 2);
        // The first one stays until the user detaches it, which is no matter of the second's.
        assert_eq!(machine.sysfs.vhci("detach").unwrap(), "");
        assert!(machine.record(1).unwrap().ends_with(" 1-2\n"));
        let imports = server.imports().len();
        machine.write_detach(1);
        machine.remove_record(1);
        machine.free_port();
        machine.wait_until("the other one is attached again", || {
            server.imports().len() > imports
        });
        assert_eq!(server.imports().last().unwrap(), "1-3");
    }
}

#[test]
fn a_device_of_another_server_with_the_same_number_is_not_taken_for_ours() {
    let server = Server::start(&[("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let service = machine.start();
    machine.wait_for_state("attached");
    service.kill();
    machine.take_port();
    machine.write_record(1, "cellar 3240 1-2\n");
    service.start_again();
    machine.wait_until("it is attached elsewhere", || {
        machine.entry()["local_port"] == 2
    });
    assert_eq!(server.imports(), ["1-2", "1-2"]);
    assert_eq!(machine.record(1).unwrap(), "cellar 3240 1-2\n");
}

#[test]
fn reasons_are_told_and_servers_are_tried_again() {
    let server = Server::start(&[]);
    let machine = Machine::new(WANTED, &server);
    let service = machine.start();
    machine.wait_for_state("waiting");
    machine.wait_until("the reason is told", || {
        machine.entry()["reason"] == "the server has no free device with id 0781:5567"
    });
    server.offer(&[("1-2", 0x5567)]);
    machine.wait_for_state("attached");

    let port = server.stop();
    machine.free_port();
    service.restart();
    machine.wait_until("the reason is told", || {
        machine.entry()["reason"] == format!("127.0.0.1:{port}: Connection refused")
    });
    let _server = Server::start_at(port, &[("1-2", 0x5567)]);
    machine.wait_for_state("attached");
}

#[test]
fn strings_decide_and_strangers_are_asked_once() {
    let server = Server::start(&[("1-1", 0x5567), ("1-2", 0x5567)]);
    let machine = Machine::new(&format!("{WANTED}serial = 'S-1-3'\n"), &server);
    let _service = machine.start();
    machine.wait_until("it was tried twice", || {
        machine.entry()["attempts"].as_u64() >= Some(2)
    });
    assert_eq!(server.imports(), ["1-1", "1-2"]);
    server.offer(&[("1-1", 0x5567), ("1-2", 0x5567), ("1-3", 0x5567)]);
    machine.wait_for_state("attached");
    assert_eq!(server.imports(), ["1-1", "1-2", "1-3"]);
}

#[test]
fn devices_that_list_no_interfaces_are_asked_for_their_class() {
    for (class, state) in [("printer", "waiting"), ("storage", "attached")] {
        let server = Server::start(&[("1-1", 0x5567)]);
        let wanted = format!("[[attach]]\nhost = '127.0.0.1'\nclass = '{class}'\n");
        let machine = Machine::new(&wanted, &server);
        let _service = machine.start();
        machine.wait_until("it was asked", || server.imports() == ["1-1"]);
        machine.wait_for_state(state);
    }
}

#[test]
fn a_write_to_detach_is_a_detach() {
    let server = Server::start(&[("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let _service = machine.start();
    machine.wait_for_state("attached");
    machine.take_port();
    let detach = "devices/platform/vhci_hcd.0/detach";
    machine.sysfs.write(detach, "1").unwrap();
    machine.free_port();
    machine.wait_for_state("detached");
    assert_eq!(machine.record(1), None);
    assert_eq!(server.imports(), ["1-2"]);
}

#[test]
fn a_detach_of_another_port_does_not_keep_a_lost_device_away() {
    for is_record_removed_first in [false, true] {
        let server = Server::start(&[("1-2", 0x5567)]);
        let machine = Machine::new(WANTED, &server);
        machine.write_record(0, "cellar 3240 1-1\n");
        let _service = machine.start();
        machine.wait_for_state("attached");
        machine.free_port();
        match is_record_removed_first {
            true => {
                machine.remove_record(0);
                machine.write_detach(0);
            }
            false => {
                machine.write_detach(0);
                machine.remove_record(0);
            }
        }
        machine.wait_until("it is attached again", || server.imports().len() == 2);
    }
}

#[test]
fn a_write_to_detach_counts_also_while_the_service_is_down() {
    let server = Server::start(&[("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let service = machine.start();
    machine.wait_for_state("attached");
    machine.take_port();
    service.kill();
    let detach = "devices/platform/vhci_hcd.0/detach";
    machine.sysfs.write(detach, "1").unwrap();
    machine.free_port();
    service.start_again();
    machine.wait_for_state("detached");
    assert_eq!(server.imports(), ["1-2"]);
    // It is no news any more when the device is lost the next time.
    machine.run(&["--resume", "stick"]);
    machine.wait_for_state("attached");
    machine.free_port();
    service.restart();
    machine.wait_until("it is attached again", || server.imports().len() >= 3);
}

#[test]
fn devices_are_given_back_while_the_machine_sleeps() {
    let server = Server::start(&[("1-2", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    assert!(machine.run(&["--sleep"]).contains("no service is running"));
    let service = machine.start();
    machine.wait_for_state("attached");
    machine.take_port();
    thread::scope(|scope| {
        let slept = scope.spawn(|| machine.run(&["--sleep"]));
        machine.wait_until("it is detached", || {
            machine.sysfs.vhci("detach").unwrap() == "1"
        });
        machine.free_port();
        assert_eq!(slept.join().unwrap(), "");
    });
    assert_eq!(machine.entry()["state"], "asleep");
    assert_eq!(machine.record(1), None);
    service.restart();
    machine.wait_for_state("asleep");
    assert_eq!(server.imports(), ["1-2"]);
    assert_eq!(machine.run(&["--wake"]), "");
    machine.wait_for_state("attached");
    assert_eq!(server.imports(), ["1-2", "1-2"]);
}

#[test]
fn there_is_one_service_at_a_time() {
    let server = Server::start(&[]);
    let machine = Machine::new(WANTED, &server);
    let service = machine.start();
    machine.wait_for_state("waiting");
    let text = machine.run(&[]);
    let reason = "usbip-connectd: error: another usbip-connectd is running\n";
    assert_eq!(text, reason);
    service.restart();
}

#[test]
fn nobody_else_can_hold_the_lock() {
    let server = Server::start(&[]);
    for mode in [None, Some(0o644)] {
        let machine = Machine::new(WANTED, &server);
        let lock = machine.path("run/connectd.lock");
        if let Some(mode) = mode {
            machine.sysfs.write("run/connectd.lock", "").unwrap();
            fs::set_permissions(&lock, Permissions::from_mode(mode)).unwrap();
        }
        let _service = machine.start();
        machine.wait_for_state("waiting");
        let mode = fs::metadata(&lock).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn what_has_no_bus_id_is_left_alone() {
    let server = Server::start(&[("1-2\nusbip-connectd: \x1b[2J", 0x5567)]);
    let machine = Machine::new(WANTED, &server);
    let _service = machine.start();
    machine.wait_until("the reason is told", || {
        machine.entry()["reason"] == "the server has no free device with id 0781:5567"
    });
    assert_eq!(server.imports(), [""; 0]);
}

#[test]
fn only_marks_are_resumed() {
    let server = Server::start(&[]);
    let machine = Machine::new(WANTED, &server);
    machine.sysfs.write("run/detached/.asleep", "").unwrap();
    let config = machine.path("connect.toml");
    for name in [config.to_str().unwrap(), "../../connect.toml", ".asleep"] {
        let text = machine.run(&["--resume", name]);
        let reason = format!("usbip-connectd: error: \"{name}\" is no name of a wanted device\n");
        assert_eq!(text, reason);
    }
    assert!(config.exists() && machine.path("run/detached/.asleep").exists());
}

#[test]
fn mistakes_in_the_configuration_are_told() {
    let server = Server::start(&[]);
    let machine = Machine::new("[[attach]]\nhost = 'h'\n", &server);
    let text = machine.run(&[]);
    assert!(text.contains("usbip-connectd: error: "), "{text}");
    assert!(
        text.contains("names no device: give id, serial, product, class or busid"),
        "{text}"
    );
}
