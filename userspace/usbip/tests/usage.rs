// SPDX-License-Identifier: GPL-2.0

//! Help texts, versions, wrong arguments.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use harness::{Machine, Ran};

const USAGE: &str = "usage: usbip [--debug] [--log] [--tcp-port PORT] [version]
             [help] <command> <args>
";

const COMMANDS: &str = "
  attach     Attach a remote USB device
  detach     Detach a remote USB device
  list       List exportable or local USB devices
  bind       Bind device to usbip-host.ko
  unbind     Unbind device from usbip-host.ko
  port       Show imported USB devices

";

fn says(args: &[&str], code: i32, stdout: &str) {
    let expected = Ran {
        code,
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    assert_eq!(Machine::new().run(args), expected, "{args:?}");
}

#[test]
fn help() {
    let help = [USAGE, COMMANDS].concat();
    says(&["help"], 0, &help);
    for args in [
        &[][..],
        &["bogus"],
        &["help", "port"],
        &["help", "version"],
        &["help", "x"],
    ] {
        says(args, 1, &help);
    }
}

#[test]
fn invalid_global_option() {
    let text = format!("usbip: invalid option\n{USAGE}");
    for args in [&["--bogus"][..], &["-z", "list"], &["-t"], &["-h"]] {
        says(args, 1, &text);
    }
}

#[test]
fn own_options_have_a_help_of_their_own() {
    let ran = Machine::new().run(&["--help"]);
    assert!(ran.code == 0 && ran.stdout.contains("status"), "{ran:?}");
    let ran = Machine::new().run(&["bind", "--help"]);
    assert!(ran.code == 0 && ran.stdout.contains("--force"), "{ran:?}");
    let ran = Machine::new().run(&["bind", "-b", "1-1", "--id", "0781:5567"]);
    assert!(ran.stderr.contains("see \"usbip bind --help\""), "{ran:?}");
}

#[test]
fn mistakes_beside_own_options_are_named() {
    for (line, reason) in [
        ("attach -r h --all --bogus", "unexpected argument '--bogus'"),
        ("attach -r h -b 1-1 --wait 5", "'5' belongs to no option"),
        ("attach -r h -b 1-1 --wait=x", "--wait=x is no number"),
        ("attach -r h -b 1-1 --all", "--busid names one device"),
        ("attach -r h --json", "no device is named"),
        ("attach --all", "--remote is missing"),
        ("bind -b 1-1 --id 1:2", "--busid names the device"),
        ("bind --force", "no device is named"),
        ("bind --id", "a value is required for '--id <VID:PID>'"),
        ("unbind --id 1:2 x", "'x' belongs to no option"),
        ("detach -p 0 --all", "--port names the device"),
        ("list --json", "--local, --remote or --device is missing"),
        ("list -d --json", "--device lists all gadgets"),
        ("status x --json", "unexpected argument 'x'"),
    ] {
        let args: Vec<_> = line.split(' ').collect();
        let ran = Machine::new().run(&args);
        let told = ran.stderr.strip_prefix("usbip: info: wrong usage: ");
        let told = told.is_some_and(|told| told.starts_with(reason));
        assert!(ran.code == 1 && told, "{line}: {ran:?}");
    }
}

#[test]
fn old_style() {
    let title = "Imported USB devices\n====================\n";
    let machine = Machine::new();
    machine
        .sysfs
        .load_vhci(2, &["hs  0000 004 000 00000000 000000 0-0\n"])
        .unwrap();
    assert_eq!(machine.run(&["-p"]).stdout, title);
    let ran = machine.run(&["-d", "0"]);
    assert_eq!(ran.stderr, "usbip: info: Port 0 is already detached!\n\n");
    // What has a meaning today keeps it.
    assert_eq!(machine.run(&["-d", "port"]).stdout, title);
}

#[test]
fn version() {
    says(&["version"], 0, "usbip (usbip-utils 2.0)\n");
    says(&["version", "--bogus"], 0, "usbip (usbip-utils 2.0)\n");
}

#[test]
fn usage_of_commands() {
    let detach =
        "usage: usbip detach <args>\n    -p, --port=<port>    vhci_hcd port the device is on\n";
    let bind = "usage: usbip bind <args>\n    -b, --busid=<busid>    Bind usbip-host.ko to device on <busid>\n";
    says(&["help", "detach"], 0, detach);
    says(&["help", "bind"], 0, bind);
    for args in [
        &["detach"][..],
        &["detach", "-p"],
        &["detach", "-x"],
        &["detach", "3"],
    ] {
        says(args, 1, detach);
    }
    let attach = "usage: usbip attach <args>
    -r, --remote=<host>      The machine with exported USB devices
    -b, --busid=<busid>    Busid of the device on <host>
    -d, --device=<devid>    Id of the virtual UDC on <host>
";
    for args in [
        &["attach", "-r", "host"][..],
        &["attach", "-b", "1-1"],
        &["attach", "-z"],
    ] {
        says(args, 1, attach);
    }
}

#[test]
fn bad_tcp_port_is_told_and_passed_over() {
    let ran = Machine::new().run(&["-t", "80x", "--tcp-port=65536", "-t3241", "version"]);
    assert_eq!(ran.code, 0);
    let expected = "usbip: error: port: garbage at end of '80x'
usbip: error: port: 65536 too high (max=65535)
usbip: info: using port 3241 (\"3241\")
";
    assert_eq!(ran.stderr, expected);
}
