// SPDX-License-Identifier: GPL-2.0

//! A source and a sink of packets, which the kernel's usbtest takes for its gadget zero.
//!
//! The first pair of endpoints gives and takes whole packets of zeros. The second gives what INPUT
//! holds, then empty packets, and writes what it takes to OUTPUT; both packet by packet: two bytes
//! of length, least significant first, and as many of data.

use crate::descriptor::{Endpoint, Interface, ASYNCHRONOUS};
use crate::device::Device;
use std::fs::File;
use std::io::Write;

const SOURCE: u8 = 0x82;
const SINK: u8 = 0x02;
/// The endpoints, in the order usbtest looks for them.
const ENDPOINTS: [u8; 4] = [0x81, 0x01, SOURCE, SINK];
/// Small, for a transfer to have as many packets as one may in little memory.
const PACKET: u16 = 64;

/// The device.
pub struct SourceSink {
    input: Vec<u8>,
    output: File,
}

impl SourceSink {
    /// A source of these packets, and a file for those taken.
    pub fn new(input: Vec<u8>, output: File) -> Self {
        Self { input, output }
    }

    fn next_packet(&mut self) -> Vec<u8> {
        let Some(&[low, high]) = self.input.first_chunk() else {
            return Vec::new();
        };
        let end = (2 + usize::from(u16::from_le_bytes([low, high]))).min(self.input.len());
        self.input.drain(..end).skip(2).collect()
    }
}

impl Device for SourceSink {
    fn ids(&self) -> (u16, u16) {
        (0x0525, 0xa4a0)
    }

    fn interfaces(&self) -> Vec<Interface> {
        let endpoints = ENDPOINTS.map(|address| Endpoint {
            address,
            attributes: ASYNCHRONOUS,
            packet: PACKET,
            class: Vec::new(),
        });
        vec![Interface {
            number: 0,
            setting: 0,
            kind: [0xff, 0, 0],
            class: Vec::new(),
            endpoints: endpoints.to_vec(),
        }]
    }

    fn send(&mut self, endpoint: u8, room: usize) -> Vec<u8> {
        match endpoint {
            SOURCE => {
                let mut packet = self.next_packet();
                packet.truncate(room);
                packet
            }
            _ => vec![0; room],
        }
    }

    fn receive(&mut self, endpoint: u8, packet: &[u8]) {
        if endpoint == SINK {
            let length = (packet.len() as u16).to_le_bytes();
            // What is lost here is missed by whoever compares the file.
            let _ = self.output.write_all(&[&length, packet].concat());
        }
    }
}
