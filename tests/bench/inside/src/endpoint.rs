// SPDX-License-Identifier: GPL-2.0

//! Endpoints in a device's descriptors (USB 2.0, 9.6.6).

use crate::plan::Kind;
use usbip_protocol::Direction;

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const IN: u8 = 0x80;

/// The alternate setting that has endpoints of a kind.
pub fn setting(kind: Kind) -> u8 {
    match kind {
        Kind::Bulk | Kind::Interrupt => 0,
        Kind::Isochronous => 1,
    }
}

/// `bmAttributes` of an endpoint of a kind: its lowest two bits.
fn attributes_of(kind: Kind) -> u8 {
    match kind {
        Kind::Isochronous => 1,
        Kind::Bulk => 2,
        Kind::Interrupt => 3,
    }
}

/// The address of the first endpoint of a kind in the first interface.
pub fn find(descriptors: &[u8], kind: Kind, direction: Direction) -> Option<u8> {
    let mut rest = descriptors;
    let mut wanted = false;
    while let [length, descriptor, ..] = *rest {
        match (descriptor, rest) {
            (INTERFACE, [_, _, number, setting, ..]) => {
                wanted = (*number, *setting) == (0, self::setting(kind))
            }
            (ENDPOINT, [_, _, address, attributes, ..])
                if wanted
                    && attributes & 3 == attributes_of(kind)
                    && (address & IN != 0) == (direction == Direction::In) =>
            {
                return Some(*address);
            }
            _ => {}
        }
        rest = rest.get(usize::from(length.max(1))..)?;
    }
    None
}
