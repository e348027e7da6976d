// SPDX-License-Identifier: GPL-2.0

//! What the configuration file and the environment of systemd change.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;

use harness::place::{Place, ONE_DEVICE};
use harness::{asks_for_a_list, import_request, list_request, Daemon};

#[test]
fn listens_where_told() {
    let place = Place::new("");
    let socket = place.sysfs.root().join("socket");
    place.configure(&format!(
        "listen = ['unix:{}', '[::1]:0']",
        socket.display()
    ));
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    let line = daemon.wait_for("usbipd: info: listening on ::1:");
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    let tcp = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
    assert!(asks_for_a_list(tcp).starts_with(ONE_DEVICE));
    let local = UnixStream::connect(&socket).unwrap();
    assert!(asks_for_a_list(local).starts_with(ONE_DEVICE));
    daemon.wait_for("usbipd: info: connection from unix");
    let file = fs::metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    daemon.stop("-TERM");
    assert!(!socket.exists());
}

#[test]
fn an_address_that_is_not_there_yet_is_listened_on() {
    for (address, shown) in [
        ("192.0.2.1:0", "192.0.2.1:0"),
        ("[2001:db8::1]:0", "2001:db8::1:0"),
    ] {
        let place = Place::new(&format!("listen = ['{address}', '127.0.0.1:0']"));
        let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
        let told = format!("usbipd: error: {shown}: no interface has this address yet");
        let mut before = daemon.before.iter();
        assert!(before.any(|line| line.starts_with(&told)), "{address}");
        daemon.wait_for("usbipd: info: listening on 127.0.0.1:");
    }
}

#[test]
fn sockets_of_dead_daemons_are_replaced_those_of_living_ones_are_not() {
    let place = Place::new("");
    let socket = place.sysfs.root().join("socket");
    place.configure(&format!("listen = ['unix:{}']", socket.display()));
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    let second = place
        .command()
        .env("USBIP_SYSFS", place.sysfs.root())
        .output();
    let output = second.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("98 (Address already in use)"), "{text}");
    let local = UnixStream::connect(&socket).unwrap();
    assert!(asks_for_a_list(local).starts_with(ONE_DEVICE));
    drop(daemon);
}

#[test]
fn an_import_over_a_unix_socket_hands_that_socket_over() {
    let place = Place::new("");
    let socket = place.sysfs.root().join("socket");
    let mut command = place.command();
    command.arg(format!("--listen=unix:{}", socket.display()));
    let daemon = Daemon::spawn(&place.sysfs, &mut command);
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(&import_request("1-1")).unwrap();
    let mut reply = [0; 320];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply[..8], [1, 0x11, 0, 3, 0, 0, 0, 0]);
    daemon.wait_for("usbip: info: connect: 1-1");
    assert_ne!(place.sysfs.get("1-1", "usbip_sockfd").unwrap(), "");
}

#[test]
fn reload_changes_addresses_and_keeps_going_after_a_mistake() {
    let place = Place::new("listen = ['127.0.0.1:0']");
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    place.configure("listen = ['127.0.0.1:0', '127.0.0.2:0']");
    daemon.signal("-HUP");
    daemon.wait_for("usbipd: info: reading the configuration again");
    daemon.wait_for("usbipd: info: listening on 127.0.0.2:");
    // The old socket is the same one.
    assert!(daemon.ask(&list_request()).starts_with(ONE_DEVICE));
    place.configure("listne = []");
    daemon.signal("-HUP");
    let line = daemon.wait_for("usbipd: error: ");
    assert!(line.contains("usbipd.toml"), "{line}");
    daemon.wait_for("usbipd: error: going on with the configuration as it was");
    assert!(daemon.ask(&list_request()).starts_with(ONE_DEVICE));
}

#[test]
fn a_mistake_at_the_start_ends_it() {
    let place = Place::new("[[allow]]\nid = 'stick'\n");
    let output = place.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("'stick' is not an id: write VENDOR:PRODUCT"),
        "{text}"
    );
    assert!(text.contains("line 2"), "{text}");
}

#[test]
fn addresses_beside_a_socket_of_systemd_are_refused() {
    let place = Place::new("listen = ['127.0.0.2:0']");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let refused = place.activated(listener).output().unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{text}");
    let reason = format!("systemd has opened {address}, which stays open: change that with ");
    assert!(text.contains(&reason), "{text}");

    // Other families restrict nothing, and a reload that would is refused.
    let socket = place.sysfs.root().join("socket");
    place.configure(&format!("listen = ['unix:{}']", socket.display()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.activated(listener));
    daemon.wait_for("usbipd: info: listening on unix:");
    let local = UnixStream::connect(&socket).unwrap();
    assert!(asks_for_a_list(local).starts_with(ONE_DEVICE));
    place.configure("listen = ['127.0.0.2:0']");
    daemon.signal("-HUP");
    daemon.wait_for("usbipd: error: told where to listen");
    daemon.wait_for("usbipd: error: going on with the configuration as it was");
    assert!(daemon.ask(&list_request()).starts_with(ONE_DEVICE));
}

#[test]
fn options_about_tcp_beside_a_socket_of_systemd_are_refused() {
    let place = Place::new("");
    for option in ["-4", "-6", "-t3240"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = place.activated(listener);
        let refused = command.arg(option).output().unwrap();
        let text = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{option}: {text}");
        assert!(text.contains("told where to listen, but "), "{text}");
    }
}

#[test]
fn socket_of_systemd_is_used_instead_of_our_own() {
    let place = Place::new("");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = place.activated(listener);
    let daemon = Daemon::spawn(&place.sysfs, &mut command);
    assert_eq!(daemon.port, port);
    assert!(daemon.ask(&list_request()).starts_with(ONE_DEVICE));
    let (code, lines) = daemon.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(
        !lines.iter().any(|line| line.contains("listening")),
        "{lines:?}"
    );
}

#[test]
fn what_rules_and_addresses_lack_is_told() {
    let place = Place::new(
        "listen = ['no.such.host.invalid:80', '127.0.0.1:0']\n[[allow]]\nid = '0781:*'\n",
    );
    let driver = place.driver_file("usbip-host", "");
    fs::remove_dir_all(driver).unwrap();
    let daemon = Daemon::spawn(&place.sysfs, &mut place.command());
    let unresolved = "usbipd: error: listen: no.such.host.invalid:80: ";
    assert!(daemon
        .before
        .iter()
        .any(|line| line.starts_with(unresolved)));
    daemon
        .wait_for("usbipd: info: usbip-host is not loaded, nothing is exported until it is: run ");
}
