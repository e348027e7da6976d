// SPDX-License-Identifier: GPL-2.0

//! The op phase: layouts byte for byte, and hostile input.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

use proptest::prelude::*;
use usbip_protocol::op::*;

#[test]
fn device_fields_sit_at_their_offsets() {
    let mut bytes = [0xff; USB_DEVICE_LEN];
    for (index, byte) in bytes[0x120..].iter_mut().enumerate() {
        *byte = u8::try_from(index).unwrap();
    }
    let device = UsbDevice::decode(&bytes).unwrap();
    assert_eq!(device.path.as_bytes().len(), PATH_LEN - 1);
    assert_eq!(device.busid.as_bytes().len(), BUSID_LEN - 1);
    assert_eq!(device.busnum, 0x0001_0203);
    assert_eq!(device.devnum, 0x0405_0607);
    assert_eq!(device.speed, 0x0809_0a0b);
    assert_eq!(device.id_vendor, 0x0c0d);
    assert_eq!(device.id_product, 0x0e0f);
    assert_eq!(device.bcd_device, 0x1011);
    assert_eq!(device.class, UsbClass([0x12, 0x13, 0x14]));
    assert_eq!(device.num_interfaces, 0x17);
    assert_eq!(device.encode()[0x120..], bytes[0x120..]);
    assert_eq!(device.encode()[0xff], 0);
}

#[test]
fn device_counts_are_bounded() {
    let most = MAX_LISTED_DEVICES.to_be_bytes();
    assert_eq!(decode_device_count(&most), Ok(MAX_LISTED_DEVICES));
    let refused = Err(OpError::TooManyDevices(u32::MAX));
    assert_eq!(decode_device_count(&[0xff; 4]), refused);
    assert_eq!(decode_device_count(&[0; 3]), Err(OpError::Truncated));
}

#[test]
fn codes_are_those_of_the_header_file() {
    assert_eq!(Operation::Import.request_code(), 0x8003);
    assert_eq!(Operation::Import.reply_code(), 0x0003);
    assert_eq!(
        Operation::from_request_code(0x8005),
        Some(Operation::DevList)
    );
    for code in [0x8002, 0x8004, 0x8006, 0x8007, 0x0003, 0x0005, 0] {
        assert_eq!(Operation::from_request_code(code), None);
    }
}

#[test]
fn header_checks_version_then_code_then_status() {
    let mut header = OpHeader::reply(Operation::Import, OpStatus::NO_DEVICE);
    assert_eq!(OpHeader::decode(&header.encode()), Ok(header));
    let refused = Err(OpError::Status(OpStatus::NO_DEVICE));
    assert_eq!(header.check_reply(Operation::Import), refused);
    let code = Err(OpError::UnexpectedCode(3));
    assert_eq!(header.check_reply(Operation::DevList), code);
    header.version = 0x0106;
    let version = Err(OpError::Version(0x0106));
    assert_eq!(header.check_reply(Operation::DevList), version);
}

proptest! {
    #[test]
    fn headers_come_back(bytes: [u8; OP_HEADER_LEN]) {
        prop_assert_eq!(OpHeader::decode(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn interfaces_come_back_without_their_padding(bytes: [u8; USB_INTERFACE_LEN]) {
        let [class, sub_class, protocol, _padding] = bytes;
        let encoded = UsbClass::decode_interface(&bytes).unwrap().encode_interface();
        prop_assert_eq!(encoded, [class, sub_class, protocol, 0]);
    }

    #[test]
    fn devices_come_back(bytes in prop::collection::vec(any::<u8>(), USB_DEVICE_LEN)) {
        let device = UsbDevice::decode(&bytes).unwrap();
        prop_assert_eq!(UsbDevice::decode(&device.encode()), Ok(device));
        prop_assert!(!device.busid.as_bytes().contains(&0));
    }

    #[test]
    fn short_input_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..USB_DEVICE_LEN)) {
        prop_assert_eq!(UsbDevice::decode(&bytes), Err(OpError::Truncated));
        let header = OpHeader::decode(&bytes);
        prop_assert_eq!(header.is_err(), bytes.len() < OP_HEADER_LEN);
    }
}
