// SPDX-License-Identifier: GPL-2.0

//! A USB device that exists only as answers to control requests.

/// The speeds of `attach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
    /// Wireless USB.
    Wireless,
    /// 5 Gbit/s.
    Super,
    /// 10 Gbit/s.
    SuperPlus,
}

impl Speed {
    /// The number that stands for the speed.
    pub fn number(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Full => 2,
            Self::High => 3,
            Self::Wireless => 4,
            Self::Super => 5,
            Self::SuperPlus => 6,
        }
    }

    /// Whether devices of this speed are on the SuperSpeed hub.
    pub fn is_super(self) -> bool {
        matches!(self, Self::Super | Self::SuperPlus)
    }
}

/// The bulk IN endpoint.
pub const BULK_IN: u8 = 0x81;
/// The bulk OUT endpoint.
pub const BULK_OUT: u8 = 0x02;
/// The interrupt IN endpoint, the only one of a low-speed device.
pub const INTERRUPT_IN: u8 = 0x83;
/// The isochronous IN endpoint.
pub const ISO_IN: u8 = 0x84;
/// The isochronous OUT endpoint.
pub const ISO_OUT: u8 = 0x05;

/// `status` of a request the device does not know.
const STALL: i32 = -32;

/// A vendor-specific device no driver wants, with one interface that has a bulk and an isochronous
/// endpoint for each direction and an interrupt endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Scripted {
    /// Its speed.
    pub speed: Speed,
}

impl Scripted {
    /// The answer to a control request: a status, and the bytes of an IN request. A request the
    /// device leaves to the check has none.
    pub fn control(self, setup: [u8; 8]) -> Option<(i32, Vec<u8>)> {
        let [kind, request, low, high, _, _, length_low, length_high] = setup;
        if kind & 0x60 == 0x40 {
            return None;
        }
        let answer = match (kind, request) {
            (0x80, 6) => self.descriptor(high, low),
            (0x80..=0x82, 0) => Some(vec![0, 0]),
            (0x80, 8) => Some(vec![1]),
            (0x00..=0x02, 1 | 3 | 9 | 0x0b | 0x30 | 0x31) => Some(Vec::new()),
            _ => None,
        };
        let Some(mut data) = answer else {
            return Some((STALL, Vec::new()));
        };
        data.truncate(usize::from(u16::from_le_bytes([length_low, length_high])));
        Some((0, data))
    }

    fn descriptor(self, kind: u8, index: u8) -> Option<Vec<u8>> {
        match (kind, index) {
            (1, _) => Some(self.device()),
            (2, 0) => Some(self.configuration()),
            (3, 0) => Some(vec![4, 3, 0x09, 0x04]),
            (3, 1) => Some(string("Contract")),
            (3, 2) => Some(string("Scripted")),
            (3, 3) => Some(string("0001")),
            (15, 0) if self.speed.is_super() => Some(capabilities()),
            _ => None,
        }
    }

    fn device(self) -> Vec<u8> {
        let (version, packet) = match self.speed {
            Speed::Low => (0x02, 8),
            Speed::Full | Speed::High | Speed::Wireless => (0x02, 64),
            Speed::Super | Speed::SuperPlus => (0x03, 9),
        };
        vec![
            18, 1, 0, version, 0xff, 0, 0, packet, 0x09, 0x12, 0x01, 0x00, 0x34, 0x12, 1, 2, 3, 1,
        ]
    }

    fn configuration(self) -> Vec<u8> {
        let endpoints = self.endpoints();
        let count = u8::try_from(endpoints.len()).unwrap_or_default();
        let mut bytes = vec![9, 2, 0, 0, 1, 1, 0, 0xc0, 1];
        bytes.extend([9, 4, 0, 0, count, 0xff, 0xff, 0xff, 0]);
        for (address, kind, packet) in endpoints {
            let [low, high] = packet.to_le_bytes();
            bytes.extend([7, 5, address, kind, low, high, 4]);
            if self.speed.is_super() {
                let [low, high] = if kind == 2 { [0; 2] } else { [low, high] };
                bytes.extend([6, 0x30, 0, 0, low, high]);
            }
        }
        bytes[2] = u8::try_from(bytes.len()).unwrap_or_default();
        bytes
    }

    fn endpoints(self) -> Vec<(u8, u8, u16)> {
        let bulk = match self.speed {
            Speed::Low => return vec![(INTERRUPT_IN, 3, 8)],
            Speed::Full | Speed::Wireless => 64,
            Speed::High => 512,
            Speed::Super | Speed::SuperPlus => 1024,
        };
        vec![
            (BULK_IN, 2, bulk),
            (BULK_OUT, 2, bulk),
            (INTERRUPT_IN, 3, 64),
            (ISO_IN, 1, 256),
            (ISO_OUT, 1, 256),
        ]
    }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = vec![0, 3];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes[0] = u8::try_from(bytes.len()).unwrap_or_default();
    bytes
}

/// The BOS descriptor of a SuperSpeed device.
fn capabilities() -> Vec<u8> {
    let mut bytes = vec![5, 15, 22, 0, 2];
    bytes.extend([7, 16, 2, 0, 0, 0, 0]);
    bytes.extend([10, 16, 3, 0, 0x0e, 0, 1, 10, 0, 0]);
    bytes
}
