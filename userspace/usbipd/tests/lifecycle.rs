// SPDX-License-Identifier: GPL-2.0

//! Options, start and end of the daemon.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness::{exporting, wait_until, Daemon};
use usbip_fixture::FakeSysfs;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usbipd"))
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn version_and_help() {
    let version = run(&["-v"]);
    assert_eq!(version.stdout, b"usbipd (usbip-utils 2.0)\n");
    assert!(version.status.success());
    let help = run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.starts_with("usage: usbipd [options]\n\n\t-4, --ipv4\n\t\tBind to IPv4."));
    assert!(text.ends_with("\t-v, --version\n\t\tShow version.\n\n"));
}

#[test]
fn bad_option() {
    let output = run(&["-D", "-x"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, run(&["-h"]).stdout);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.ends_with("usbipd: invalid option -- 'x'\n"), "{text}");
}

#[test]
fn signals_end_it_and_the_pid_file_goes() {
    for signal in ["-TERM", "-INT"] {
        let sysfs = exporting(&[("1-1", "1\n")]);
        let pid_file = sysfs.root().join("usbipd.pid");
        let daemon = Daemon::start(&sysfs, &[&format!("-P{}", pid_file.display())]);
        let silent = daemon.connect();
        daemon.wait_for("usbipd: info: connection from 127.0.0.1:");
        let content = fs::read_to_string(&pid_file).unwrap();
        assert_eq!(content, format!("{}\n", daemon.pid()));
        let mode = fs::metadata(&pid_file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        let start = Instant::now();
        let (code, lines) = daemon.stop(signal);
        assert_eq!(code, Some(0));
        assert_eq!(lines, ["usbipd: info: shutting down usbipd"]);
        assert!(start.elapsed() < Duration::from_secs(4));
        assert!(!pid_file.exists());
        drop(silent);
    }
}

#[test]
fn start_without_devices_is_no_news() {
    let daemon = Daemon::start(&FakeSysfs::new().unwrap(), &["-tx"]);
    let expected = [
        "usbip: info: using port 0 (\"0\")",
        "usbip: error: port: could not parse 'x' as a decimal integer",
        "usbipd: info: starting usbipd (usbip-utils 2.0)",
    ];
    let printed: Vec<_> = daemon
        .before
        .iter()
        .filter(|line| !line.contains("as root?"))
        .collect();
    assert_eq!(printed, expected);
}

#[test]
fn occupied_port() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    let pid_file = sysfs.root().join("usbipd.pid");
    let pid_option = format!("--pid={}", pid_file.display());
    let first = Daemon::start(&sysfs, &[&pid_option]);
    let output = Command::new(env!("CARGO_BIN_EXE_usbipd"))
        .args(["--ipv4", &format!("--tcp-port={}", first.port)])
        .arg(&pid_option)
        .env("USBIP_SYSFS", sysfs.root())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    let bind = format!(
        "usbipd: error: bind: 0.0.0.0:{}: 98 (Address already in use)\n",
        first.port
    );
    assert!(text.contains(&bind), "{text}");
    assert!(
        text.ends_with("usbipd: error: failed to open a listening socket\n"),
        "{text}"
    );
    // The file is the first one's.
    let content = fs::read_to_string(&pid_file).unwrap();
    assert_eq!(content, format!("{}\n", first.pid()));
    first.stop("-TERM");
    assert!(!pid_file.exists());
}

#[test]
fn background() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    let output = Command::new(env!("CARGO_BIN_EXE_usbipd"))
        .args(["-D4t0", "-Prun.pid"])
        .current_dir(sysfs.root())
        .env("USBIP_SYSFS", sysfs.root())
        .output()
        .unwrap();
    assert!(output.status.success());
    let pid_file = sysfs.root().join("run.pid");
    wait_until("the pid file is written", || {
        fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n'))
    });
    let pid = fs::read_to_string(&pid_file).unwrap();
    let kill = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(kill.unwrap().success());
    wait_until("the pid file is gone", || !pid_file.exists());
}
