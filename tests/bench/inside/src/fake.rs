// SPDX-License-Identifier: GPL-2.0

//! The device that `bench serve` plays: a bulk endpoint in each direction, at high speed, and in
//! alternate setting 1 an isochronous IN endpoint with 512 bytes in each microframe.

use usbip_protocol::CmdSubmit;

/// Product id of the device, as `bench wait` takes it.
const PRODUCT: [u8; 2] = [0xa4, 0xa4];

/// Address of the isochronous endpoint.
const ISOCHRONOUS: u8 = 0x82;

#[rustfmt::skip]
const DEVICE: [u8; 18] = [
    18, 1, 0, 2, 0xff, 0, 0, 64, 0x25, 0x05, PRODUCT[0], PRODUCT[1], 0, 1, 0, 0, 0, 1,
];
#[rustfmt::skip]
const CONFIGURATION: [u8; 62] = [
    9, 2, 62, 0, 1, 1, 0, 0xc0, 0,
    9, 4, 0, 0, 2, 0xff, 0, 0, 0,
    7, 5, 0x01, 2, 0, 2, 0,
    7, 5, 0x81, 2, 0, 2, 0,
    9, 4, 0, 1, 3, 0xff, 0, 0, 0,
    7, 5, 0x01, 2, 0, 2, 0,
    7, 5, 0x81, 2, 0, 2, 0,
    7, 5, ISOCHRONOUS, 1, 0, 2, 1,
];
const QUALIFIER: [u8; 10] = [10, 6, 0, 2, 0xff, 0, 0, 64, 1, 0];

const STANDARD: u8 = 0x60;
const GET_STATUS: u8 = 0;
const GET_DESCRIPTOR: u8 = 6;

/// The answer to a control request; none for one that stalls.
pub fn answer(setup: [u8; 8]) -> Option<&'static [u8]> {
    let [kind, request, _, descriptor, _, _, low, high] = setup;
    let length = usize::from(u16::from_le_bytes([low, high]));
    let data: &[u8] = match (kind & STANDARD, request, descriptor) {
        (0, GET_DESCRIPTOR, 1) => &DEVICE,
        (0, GET_DESCRIPTOR, 2) => &CONFIGURATION,
        (0, GET_DESCRIPTOR, 6) => &QUALIFIER,
        (0, GET_DESCRIPTOR, _) => return None,
        (0, GET_STATUS, _) => &[0, 0],
        _ => &[],
    };
    Some(&data[..length.min(data.len())])
}

/// Whether a transfer is one of the isochronous endpoint.
pub fn is_isochronous(submit: &CmdSubmit) -> bool {
    submit.ep == u32::from(ISOCHRONOUS & 0xf)
}
