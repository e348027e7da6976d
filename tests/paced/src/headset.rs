// SPDX-License-Identifier: GPL-2.0

//! A loudspeaker and a microphone (USB Audio 1.0): one channel each, 44100 samples of 16 bits a
//! second, which no period of a bus divides evenly.
//!
//! INPUT are the samples to record, which begin anew when they have been played and whenever
//! recording begins; OUTPUT are the samples that were played.

use crate::descriptor::{class, Endpoint, Interface, ADAPTIVE, ASYNCHRONOUS};
use crate::device::Device;
use crate::speed::Speed;
use std::fs::File;
use std::io::Write;

const RATE: u64 = 44_100;
const SAMPLE: usize = 2;

const LOUDSPEAKER: u8 = 0x01;
const MICROPHONE: u8 = 0x82;
/// The interface of the microphone.
const RECORDING: u16 = 2;

const AUDIO: u8 = 1;
const CONTROL: u8 = 1;
const STREAMING: u8 = 2;
const CS_INTERFACE: u8 = 0x24;
const CS_ENDPOINT: u8 = 0x25;

/// The units: what the host plays, the loudspeaker, the microphone, what the host records.
const PLAYED: u8 = 1;
const SPOKEN: u8 = 2;
const HEARD: u8 = 3;
const RECORDED: u8 = 4;

/// The device.
pub struct Headset {
    speed: Speed,
    input: Vec<u8>,
    output: File,
    /// Packets recorded.
    packets: u64,
}

impl Headset {
    /// A headset with these samples to record, and a file for those played.
    pub fn new(speed: Speed, input: Vec<u8>, output: File) -> Self {
        Self {
            speed,
            input,
            output,
            packets: 0,
        }
    }

    /// The number of samples recorded when so many packets have been.
    fn samples(&self, packets: u64) -> usize {
        (packets * RATE / self.speed.frames_per_second()) as usize
    }

    /// The settings of a streaming interface: silent, and with its endpoint.
    fn stream(&self, number: u8, terminal: u8, address: u8, attributes: u8) -> [Interface; 2] {
        let kind = [AUDIO, STREAMING, 0];
        let silent = Interface {
            number,
            setting: 0,
            kind,
            class: Vec::new(),
            endpoints: Vec::new(),
        };
        let [low, mid, high, _] = (RATE as u32).to_le_bytes();
        let endpoint = Endpoint {
            address,
            attributes,
            // One sample more than the average, rounded up.
            packet: (self.samples(1) * SAMPLE + 2 * SAMPLE) as u16,
            class: class(CS_ENDPOINT, &[1, 0, 0, 0, 0]),
        };
        let streaming = Interface {
            number,
            setting: 1,
            kind,
            class: [
                // AS_GENERAL: no delay, PCM.
                class(CS_INTERFACE, &[1, terminal, 0, 1, 0]),
                // FORMAT_TYPE I: channels, bytes and bits of a sample, one rate.
                class(
                    CS_INTERFACE,
                    &[2, 1, 1, SAMPLE as u8, 16, 1, low, mid, high],
                ),
            ]
            .concat(),
            endpoints: vec![endpoint],
        };
        [silent, streaming]
    }
}

/// Terminals and how they are joined.
fn topology() -> Vec<u8> {
    let units = [
        // INPUT_TERMINAL of one channel, OUTPUT_TERMINAL; 0x0101 is the host.
        class(CS_INTERFACE, &[2, PLAYED, 0x01, 0x01, 0, 1, 0, 0, 0, 0]),
        class(CS_INTERFACE, &[3, SPOKEN, 0x01, 0x03, 0, PLAYED, 0]),
        class(CS_INTERFACE, &[2, HEARD, 0x01, 0x02, 0, 1, 0, 0, 0, 0]),
        class(CS_INTERFACE, &[3, RECORDED, 0x01, 0x01, 0, HEARD, 0]),
    ]
    .concat();
    let [low, high] = (10 + units.len() as u16).to_le_bytes();
    // HEADER: version 1.0, the streaming interfaces.
    let header = class(CS_INTERFACE, &[1, 0, 1, low, high, 2, 1, 2]);
    [header, units].concat()
}

impl Device for Headset {
    fn ids(&self) -> (u16, u16) {
        (0x1d6b, 0x0104)
    }

    fn interfaces(&self) -> Vec<Interface> {
        let control = Interface {
            number: 0,
            setting: 0,
            kind: [AUDIO, CONTROL, 0],
            class: topology(),
            endpoints: Vec::new(),
        };
        let mut all = vec![control];
        all.extend(self.stream(1, PLAYED, LOUDSPEAKER, ADAPTIVE));
        all.extend(self.stream(2, RECORDED, MICROPHONE, ASYNCHRONOUS));
        all
    }

    fn set_interface(&mut self, interface: u16, _setting: u16) {
        if interface == RECORDING {
            self.packets = 0;
        }
    }

    fn send(&mut self, _endpoint: u8, room: usize) -> Vec<u8> {
        let (start, end) = (self.samples(self.packets), self.samples(self.packets + 1));
        self.packets += 1;
        let length = self.input.len().max(1);
        let bytes = (start * SAMPLE..end * SAMPLE).take(room);
        bytes
            .map(|place| self.input.get(place % length).copied().unwrap_or(0))
            .collect()
    }

    fn receive(&mut self, _endpoint: u8, packet: &[u8]) {
        // What is lost here is missed by whoever compares the file.
        let _ = self.output.write_all(packet);
    }
}
