// SPDX-License-Identifier: GPL-2.0

//! What a device is: descriptors, requests of its class, and what its endpoints do.

use crate::descriptor::Interface;

/// A setup packet (USB 2.0, 9.3).
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// `bmRequestType`.
    pub kind: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`.
    pub length: u16,
}

impl Setup {
    /// Reads a setup packet.
    pub fn decode(bytes: [u8; 8]) -> Self {
        let [kind, request, a, b, c, d, e, f] = bytes;
        Self {
            kind,
            request,
            value: u16::from_le_bytes([a, b]),
            index: u16::from_le_bytes([c, d]),
            length: u16::from_le_bytes([e, f]),
        }
    }
}

/// A device. Its calls come one at a time.
pub trait Device: Send {
    /// Vendor and product.
    fn ids(&self) -> (u16, u16);

    /// All settings of all interfaces, in the order of the configuration descriptor.
    fn interfaces(&self) -> Vec<Interface>;

    /// The answer to a request of the device's class; none for one it does not know. `data` is that
    /// of an OUT request.
    fn request(&mut self, _setup: Setup, _data: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// An interface gets an alternate setting: its endpoints begin anew.
    fn set_interface(&mut self, _interface: u16, _setting: u16) {}

    /// The next packet of an IN endpoint, which has room for `room` bytes.
    fn send(&mut self, endpoint: u8, room: usize) -> Vec<u8>;

    /// A packet arrives at an OUT endpoint.
    fn receive(&mut self, endpoint: u8, packet: &[u8]);
}
