// SPDX-License-Identifier: GPL-2.0

//! What the daemon answers.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod harness;

use std::io::Read;
use std::time::{Duration, Instant};

use harness::{exporting, import_request, list_request, read_all, Daemon};
use usbip_protocol::op::{UsbClass, UsbDevice, USB_DEVICE_LEN};

/// Header of a good device list.
const LIST_HEADER: &[u8] = b"\x01\x11\0\x05\0\0\0\0";

fn import_header(status: u8) -> Vec<u8> {
    vec![1, 0x11, 0, 3, 0, 0, 0, status]
}

#[test]
fn list_is_reversed_and_leaves_out_devices_in_use() {
    let sysfs = exporting(&[("1-1", "1\n"), ("1-2", "2\n"), ("1-3", "3\n")]);
    sysfs.add_usb_device("1-4").unwrap();
    sysfs.set("1-1", "bNumInterfaces", "\n").unwrap();
    sysfs.set("1-1", "bConfigurationValue", "\n").unwrap();
    let daemon = Daemon::start(&sysfs, &[]);
    let reply = daemon.ask(&list_request());
    let (header, rest) = reply.split_at(8);
    assert_eq!(header, LIST_HEADER);
    let (count, rest) = rest.split_at(4);
    assert_eq!(count, [0, 0, 0, 2]);
    let first = UsbDevice::decode(rest).unwrap();
    assert_eq!(first.busid.as_bytes(), b"1-3");
    let path = b"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-3";
    assert_eq!(first.path.as_bytes(), path);
    assert_eq!((first.busnum, first.devnum, first.speed), (1, 2, 3));
    assert_eq!(
        (first.id_vendor, first.id_product, first.bcd_device),
        (0x781, 0x5567, 0x126)
    );
    assert_eq!((first.configuration_value, first.num_interfaces), (1, 1));
    let rest = &rest[USB_DEVICE_LEN..];
    let interface = UsbClass::decode_interface(rest).unwrap();
    assert_eq!(interface, UsbClass([8, 6, 0x50]));
    let second = UsbDevice::decode(&rest[4..]).unwrap();
    assert_eq!(second.busid.as_bytes(), b"1-1");
    assert_eq!((second.configuration_value, second.num_interfaces), (0, 0));
    assert_eq!(rest.len(), 4 + USB_DEVICE_LEN);
    daemon.wait_for("usbipd: info: received request: 0x8005(");
    daemon.wait_for("usbipd: info: exportable devices: 2");
    daemon.wait_for("usbipd: info: request 0x8005(");
}

#[test]
fn device_mode_offers_gadgets() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    sysfs.add_gadget("usbip-vudc.0").unwrap();
    let daemon = Daemon::start(&sysfs, &["-e"]);
    let reply = daemon.ask(&list_request());
    assert_eq!(reply[..12], [LIST_HEADER, &[0, 0, 0, 1]].concat());
    assert_eq!(reply.len(), 12 + USB_DEVICE_LEN);
    let gadget = UsbDevice::decode(&reply[12..]).unwrap();
    assert_eq!(gadget.busid.as_bytes(), b"usbip-vudc.0");
    assert_eq!((gadget.busnum, gadget.devnum, gadget.speed), (0, 0, 3));
    let reply = daemon.ask(&import_request("usbip-vudc.0"));
    assert_eq!(reply[..8], import_header(0));
    assert_eq!(UsbDevice::decode(&reply[8..]).unwrap(), gadget);
    let number = sysfs.read("devices/platform/usbip-vudc.0/usbip_sockfd");
    assert!(number.unwrap().trim().parse::<u32>().is_ok());
}

#[test]
fn numbers_are_decimal_and_missing_interfaces_are_zero() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    sysfs.set("1-1", "bNumInterfaces", "12\n").unwrap();
    sysfs.set("1-1", "devnum", "127\n").unwrap();
    let daemon = Daemon::start(&sysfs, &[]);
    let reply = daemon.ask(&list_request());
    let device = UsbDevice::decode(&reply[12..]).unwrap();
    assert_eq!((device.num_interfaces, device.devnum), (12, 127));
    let interfaces = &reply[12 + USB_DEVICE_LEN..];
    assert_eq!(interfaces.len(), 12 * 4);
    assert_eq!(interfaces[..8], [8, 6, 0x50, 0, 0, 0, 0, 0]);
}

#[test]
fn empty_list() {
    let daemon = Daemon::start(&exporting(&[]), &[]);
    let reply = daemon.ask(&list_request());
    assert_eq!(reply, [LIST_HEADER, &[0; 4]].concat());
}

#[test]
fn import_hands_over_the_socket_and_sends_the_record() {
    let sysfs = exporting(&[("1-1", "1\n")]);
    let daemon = Daemon::start(&sysfs, &[]);
    let reply = daemon.ask(&import_request("1-1"));
    assert_eq!(reply.len(), 320);
    assert_eq!(reply[..8], import_header(0));
    let device = UsbDevice::decode(&reply[8..]).unwrap();
    assert_eq!(device.busid.as_bytes(), b"1-1");
    let received = daemon.wait_for("usbipd: info: received request: 0x8003(");
    daemon.wait_for("usbipd: info: found requested device: 1-1");
    daemon.wait_for("usbip: info: connect: 1-1");
    let request = daemon.wait_for("usbipd: info: request 0x8003(");
    assert!(request.ends_with("): complete"), "{request}");
    let number = received.split(['(', ')']).nth(1).unwrap();
    assert_eq!(
        sysfs.get("1-1", "usbip_sockfd").unwrap(),
        format!("{number}\n")
    );
}

#[test]
fn refusals_carry_their_status() {
    let sysfs = exporting(&[
        ("1-1", "1\n"),
        ("1-2", "2\n"),
        ("1-3", "3\n"),
        ("1-4", "9\n"),
    ]);
    let sockfd = sysfs.root().join("bus/usb/devices/1-1/usbip_sockfd");
    std::fs::remove_file(sockfd).unwrap();
    let daemon = Daemon::start(&sysfs, &[]);
    for (busid, status) in [
        ("1-1", 1),
        ("1-2", 2),
        ("1-3", 3),
        ("1-4", 1),
        ("1-5", 4),
        ("", 4),
    ] {
        assert_eq!(
            daemon.ask(&import_request(busid)),
            import_header(status),
            "{busid}"
        );
        let line = daemon.wait_for("usbipd: info: request 0x8003(");
        assert!(line.ends_with("): failed"), "{line}");
    }
}

#[test]
fn bad_requests_get_no_answer() {
    let daemon = Daemon::start(&exporting(&[("1-1", "1\n")]), &[]);
    let version = b"\x01\x06\x80\x05\0\0\0\0";
    assert_eq!(daemon.ask(version), b"");
    daemon.wait_for("usbip: error: USBIP Kernel and tool version mismatch: 262 273:");
    let status = b"\x01\x11\x80\x05\0\0\0\x01";
    assert_eq!(daemon.ask(status), b"");
    for code in [0x8002_u16, 0x8004, 0x8006, 0x8007, 0x0005, 0x0003] {
        let mut request = vec![1, 0x11];
        request.extend(code.to_be_bytes());
        request.extend([0; 4]);
        assert_eq!(daemon.ask(&request), b"");
        daemon.wait_for(&format!(
            "usbipd: error: received an unknown opcode: {code:#x}"
        ));
    }
    let stream = daemon.connect();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_all(stream), b"");
}

#[test]
fn silent_client_is_dropped_after_the_time_limit() {
    let daemon = Daemon::start(&exporting(&[]), &[]);
    let mut silent = daemon.connect();
    silent
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let start = Instant::now();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert!(
        start.elapsed() > Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}
