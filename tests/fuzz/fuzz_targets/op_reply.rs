// SPDX-License-Identifier: GPL-2.0

//! What usbipd answers, record by record: to an import, and to the question for its devices.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::within;
use usbip_identity::Identity;
use usbip_protocol::op::{
    decode_device_count, OpError, OpHeader, OpStatus, Operation, UsbClass, UsbDevice,
    MAX_LISTED_DEVICES, OP_HEADER_LEN, USB_DEVICE_LEN, USB_INTERFACE_LEN, VERSION,
};

fuzz_target!(|data: &[u8]| {
    let Ok(header) = OpHeader::decode(data) else {
        return;
    };
    for operation in [Operation::Import, Operation::DevList] {
        let is_good = header == OpHeader::reply(operation, OpStatus::OK);
        let verdict = within(0, || header.check_reply(operation));
        assert_eq!(verdict.is_ok(), is_good);
        if header.version != VERSION {
            assert_eq!(verdict, Err(OpError::Version(header.version)));
        }
    }
    let records = &data[OP_HEADER_LEN..];
    check_device(records);
    check_list(records);
});

fn check_device(bytes: &[u8]) -> Option<(UsbDevice, &[u8])> {
    let device = match within(0, || UsbDevice::decode(bytes)) {
        Ok(device) => device,
        Err(error) => {
            assert_eq!(error, OpError::Truncated);
            assert!(bytes.len() < USB_DEVICE_LEN);
            return None;
        }
    };
    assert_eq!(UsbDevice::decode(&device.encode()), Ok(device));
    let (record, rest) = bytes.split_at(USB_DEVICE_LEN);
    let texts = device.path.as_bytes().len() + device.busid.as_bytes().len();
    // Behind the end of its texts a record may hold anything; it is sent as zeros.
    let numbers = USB_DEVICE_LEN - 24;
    assert_eq!(device.encode()[numbers..], record[numbers..]);
    assert!(texts < numbers - 1);
    Some((device, rest))
}

/// Reads a list as a client does.
fn check_list(bytes: &[u8]) {
    let count = match decode_device_count(bytes) {
        Ok(count) => count,
        Err(OpError::Truncated) => return assert!(bytes.len() < 4),
        Err(OpError::TooManyDevices(count)) => return assert!(count > MAX_LISTED_DEVICES),
        Err(error) => panic!("{error}"),
    };
    assert!(count <= MAX_LISTED_DEVICES);
    let mut rest = &bytes[4..];
    for _ in 0..count {
        let Some((device, behind)) = check_device(rest) else {
            return;
        };
        let length = usize::from(device.num_interfaces) * USB_INTERFACE_LEN;
        let Some((records, behind)) = behind.split_at_checked(length) else {
            return;
        };
        check_interfaces(&device, records);
        rest = behind;
    }
}

fn check_interfaces(device: &UsbDevice, records: &[u8]) {
    let mut classes = Vec::new();
    for record in records.chunks_exact(USB_INTERFACE_LEN) {
        let class = UsbClass::decode_interface(record).expect("the record is whole");
        assert_eq!(class.encode_interface()[..3], record[..3]);
        assert_eq!(class.encode_interface()[3], 0);
        classes.push(class);
    }
    // A name of 31 bytes, three for each of them if it is not UTF-8, and a class per interface.
    let limit = 256 + 8 * classes.len();
    let identity = within(limit, || Identity::of_remote(device, &classes));
    assert_eq!(identity.classes.len(), classes.len() + 1);
}
