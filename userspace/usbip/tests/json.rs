// SPDX-License-Identifier: GPL-2.0

//! Answers to `--json`, held against `JSON.md`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::collections::BTreeSet;

use harness::{device, reply, FakeServer, Machine};
use serde_json::Value;
use usbip_protocol::op::{Operation, UsbClass};

const ROWS: &str = "hs  0000 006 003 00010002 000003 3-1
hs  0001 004 000 00000000 000000 0-0
";

/// Two local devices, one mounted and one in use by a client; an imported one; a service.
fn machine() -> Machine {
    let machine = Machine::new();
    let sysfs = &machine.sysfs;
    for busid in ["1-1", "1-2"] {
        sysfs.add_usb_device(busid).unwrap();
    }
    sysfs.add_disk("1-1", "sdb", "8:16").unwrap();
    sysfs.set("1-1", "serial", "4C53\n").unwrap();
    sysfs.set_driver("1-1", "usb").unwrap();
    sysfs.load_host_driver().unwrap();
    sysfs.export("1-2", "2\n").unwrap();
    sysfs.load_vhci(2, &[ROWS]).unwrap();
    let imported = "devices/platform/vhci_hcd.0/usb3/3-1";
    sysfs.add_usb_device_at(imported, "3-1").unwrap();
    machine.write_record(0, "10.0.0.3 3240 1-2\n");
    machine.write_proc(
        "self/mountinfo",
        "30 1 8:16 / /mnt/My\\040Stick rw - vfat /dev/sdb rw\n",
    );
    machine.write_run("usbipd.json", r#"{"version": 1, "devices": []}"#);
    machine
}

fn answer(machine: &Machine, args: &[&str]) -> (i32, Value) {
    let ran = machine.run(args);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

fn offering() -> FakeServer {
    let records = [
        &device("1-1").encode()[..],
        &UsbClass([8, 6, 0x50]).encode_interface(),
    ];
    FakeServer::list(reply(
        Operation::DevList,
        0,
        &[&[0, 0, 0, 1], &records.concat()],
    ))
}

#[test]
fn status_tells_who_has_what() {
    let (code, status) = answer(&machine(), &["status", "--json"]);
    assert_eq!((code, &status["schema"]), (0, &"usbip/1".into()));
    let mounted = &status["devices"][0];
    assert_eq!(mounted["strings"]["serial"], "4C53");
    assert_eq!(mounted["export"]["state"], "not_bound");
    assert_eq!(
        mounted["export"]["reason"],
        "sdb is mounted on /mnt/My Stick"
    );
    assert_eq!(mounted["nodes"][0]["file"], "/dev/sdb");
    assert_eq!(status["devices"][1]["export"]["state"], "in_use");
    let port = &status["ports"][0];
    assert_eq!(port["remote"]["host"], "10.0.0.3");
    assert_eq!(port["device"]["busid"], "3-1");
    assert_eq!(port["device"].get("export"), None);
    assert_eq!(status["services"][0]["name"], "usbipd");
}

#[test]
fn lists_and_ports() {
    let machine = machine();
    let (_, local) = answer(&machine, &["list", "-l", "--json", "--serial", "4c*"]);
    assert_eq!(local["devices"].as_array().unwrap().len(), 1);
    let server = offering();
    let (code, remote) = answer(
        &machine,
        &["-t", &server.port, "list", "-r", "127.0.0.1", "--json"],
    );
    assert_eq!(
        (code, &remote["devices"][0]["product"]),
        (0, &"Cruzer Blade".into())
    );
    let (_, ports) = answer(&machine, &["port", "--json"]);
    assert_eq!(ports["ports"][0]["remote_devnum"], 2);
}

#[test]
fn failures_name_their_kind() {
    let kind = |args: &[&str]| {
        let (code, answer) = answer(&Machine::new(), args);
        assert_eq!(code, 1, "{args:?}");
        answer["error"]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&["port", "--json"]), "module_absent");
    assert_eq!(
        kind(&["-t1", "list", "-r", "127.0.0.1", "--json"]),
        "refused"
    );
    assert_eq!(
        kind(&["list", "-r", "h", "--serial", "x", "--json"]),
        "usage"
    );
    assert_eq!(kind(&["attach", "--json"]), "usage");
    let (code, bad) = answer(&Machine::new(), &["list", "-l", "--json", "--id", "x"]);
    assert_eq!((code, &bad["error"]["kind"]), (1, &Value::Null));
    let attach = [
        "-t1",
        "attach",
        "-r",
        "no.such.host.invalid",
        "-b",
        "1-1",
        "--json",
    ];
    assert_eq!(kind(&attach), "unreachable");
}

/// Paths of all fields of a value: `devices[].busid`.
fn paths(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                if path != "services[].state" && path != "ports[].device" {
                    paths(value, &path, found);
                }
                found.insert(path);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, &format!("{prefix}[]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_description_is_complete() {
    let machine = machine();
    machine.write_proc("7/comm", "cat\n");
    machine.open_in_process(7, "/dev/ttyUSB0");
    machine
        .sysfs
        .add_node("1-1", "tty", "ttyUSB0", "188:0")
        .unwrap();
    let server = offering();
    let mut found = BTreeSet::new();
    for args in [
        &["status", "--json"][..],
        &["list", "-l", "--json"],
        &["-t", &server.port, "list", "-r", "127.0.0.1", "--json"],
        &["-t1", "attach", "-r", "127.0.0.1", "-b", "1-1", "--json"],
    ] {
        paths(&answer(&machine, args).1, "", &mut found);
    }
    let rows = include_str!("../JSON.md")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(','));
    let mut documented: BTreeSet<_> = names
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    // Takes a RAID to be seen.
    assert!(documented.remove("devices[].holders[].whole"));
    assert_eq!(found, documented);
}
