// SPDX-License-Identifier: GPL-2.0

//! Descriptors (USB 2.0, 9.6; USB 3.2, 9.6).

use crate::device::Device;
use crate::speed::Speed;

const DEVICE: u8 = 1;
const CONFIGURATION: u8 = 2;
const STRING: u8 = 3;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const BOS: u8 = 15;
const CAPABILITY: u8 = 16;
const COMPANION: u8 = 0x30;

/// The strings by index, from 1.
const STRINGS: [&str; 3] = ["usbip-rs", "Paced", "PACED"];

/// `bmAttributes` of an isochronous endpoint with a clock of its own.
pub const ASYNCHRONOUS: u8 = 0x05;
/// `bmAttributes` of an isochronous endpoint that takes what comes.
pub const ADAPTIVE: u8 = 0x09;

/// An isochronous endpoint with a packet in every frame or microframe.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Number and direction.
    pub address: u8,
    /// `bmAttributes`.
    pub attributes: u8,
    /// The largest packet, in bytes.
    pub packet: u16,
    /// Descriptors of the class that follow; audio endpoints have one, and are two bytes longer.
    pub class: Vec<u8>,
}

/// One setting of an interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `bInterfaceNumber`.
    pub number: u8,
    /// `bAlternateSetting`.
    pub setting: u8,
    /// Class, subclass and protocol.
    pub kind: [u8; 3],
    /// Descriptors of the class that follow.
    pub class: Vec<u8>,
    /// The only endpoints, in order.
    pub endpoints: Vec<Endpoint>,
}

/// A descriptor of a class: its length, its type, and `content`.
pub fn class(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len() + 2).expect("a descriptor has at most 255 bytes");
    [&[length, kind], content].concat()
}

/// The answer to GET_DESCRIPTOR.
pub fn find(device: &dyn Device, speed: Speed, kind: u8, index: u8) -> Option<Vec<u8>> {
    match (kind, index) {
        (DEVICE, _) => Some(of_device(device, speed)),
        (CONFIGURATION, 0) => Some(configuration(device, speed)),
        (STRING, 0) => Some(class(STRING, &[0x09, 0x04])),
        (STRING, _) => STRINGS.get(usize::from(index) - 1).map(|text| {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            class(STRING, &units)
        }),
        (BOS, 0) if speed == Speed::Super => Some(capabilities()),
        _ => None,
    }
}

fn of_device(device: &dyn Device, speed: Speed) -> Vec<u8> {
    let (version, packet) = match speed {
        Speed::Full | Speed::High => (2, 64),
        Speed::Super => (3, 9),
    };
    let (vendor, product) = device.ids();
    let [a, b] = vendor.to_le_bytes();
    let [c, d] = product.to_le_bytes();
    class(
        DEVICE,
        &[0, version, 0, 0, 0, packet, a, b, c, d, 0, 1, 1, 2, 3, 1],
    )
}

fn configuration(device: &dyn Device, speed: Speed) -> Vec<u8> {
    let interfaces = device.interfaces();
    let mut body = Vec::new();
    for interface in &interfaces {
        let count = u8::try_from(interface.endpoints.len()).expect("few endpoints");
        let [class_code, subclass, protocol] = interface.kind;
        let (number, setting) = (interface.number, interface.setting);
        let fields = [number, setting, count, class_code, subclass, protocol, 0];
        body.extend(class(INTERFACE, &fields));
        body.extend(&interface.class);
        for endpoint in &interface.endpoints {
            body.extend(of_endpoint(endpoint, speed));
        }
    }
    let total = u16::try_from(9 + body.len()).expect("few descriptors");
    let [low, high] = total.to_le_bytes();
    let count = interfaces
        .iter()
        .filter(|interface| interface.setting == 0)
        .count();
    let count = u8::try_from(count).expect("few interfaces");
    [
        class(CONFIGURATION, &[low, high, count, 1, 0, 0xc0, 1]),
        body,
    ]
    .concat()
}

fn of_endpoint(endpoint: &Endpoint, speed: Speed) -> Vec<u8> {
    let [low, high] = endpoint.packet.to_le_bytes();
    // bInterval 1 is a packet in every frame or microframe.
    let mut fields = vec![endpoint.address, endpoint.attributes, low, high, 1];
    if !endpoint.class.is_empty() {
        fields.extend([0, 0]);
    }
    let mut bytes = class(ENDPOINT, &fields);
    if speed == Speed::Super {
        bytes.extend(class(COMPANION, &[0, 0, low, high]));
    }
    bytes.extend(&endpoint.class);
    bytes
}

/// The BOS descriptor of a SuperSpeed device: link power management (none), speeds.
fn capabilities() -> Vec<u8> {
    let extension = class(CAPABILITY, &[2, 0, 0, 0, 0]);
    let speeds = class(CAPABILITY, &[3, 0, 0x0e, 0, 1, 10, 0, 0]);
    let total = u8::try_from(5 + extension.len() + speeds.len()).expect("few descriptors");
    [class(BOS, &[total, 0, 2]), extension, speeds].concat()
}
