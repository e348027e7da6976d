// SPDX-License-Identifier: GPL-2.0

//! A camera (USB Video 1.0) with 10 pictures of 160 x 120 pixels a second, at high speed.
//!
//! INPUT are the pictures, in YUYV, which begin anew when all have been sent and whenever capturing
//! begins. A picture goes out as fast as the bus takes it; then packets are empty until the next.

use crate::descriptor::{class, Endpoint, Interface, ASYNCHRONOUS};
use crate::device::{Device, Setup};

const WIDTH: u16 = 160;
const HEIGHT: u16 = 120;
/// Bytes of a picture.
const PICTURE: usize = WIDTH as usize * HEIGHT as usize * 2;
/// Time between pictures, in units of 100 ns and in microframes.
const INTERVAL: u32 = 1_000_000;
const MICROFRAMES: usize = 800;
/// The largest packet, and what of it is a picture's.
const PACKET: usize = 1024;
const PAYLOAD: usize = PACKET - HEADER;
const HEADER: usize = 2;

const ADDRESS: u8 = 0x81;
const VIDEO: u8 = 0x0e;
const CONTROL: u8 = 1;
const STREAMING: u8 = 2;
const CS_INTERFACE: u8 = 0x24;
const CAMERA: u8 = 1;
const HOST: u8 = 2;

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;
/// The controls of the streaming interface.
const PROBE: u16 = 0x0100;
const COMMIT: u16 = 0x0200;

const YUYV: &[u8; 16] = b"YUY2\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
/// Bits of a payload header.
const TOGGLE: u8 = 0x01;
const END: u8 = 0x02;
const IS_HEADER: u8 = 0x80;

/// The device.
pub struct Camera {
    input: Vec<u8>,
    /// Packets sent.
    packets: usize,
}

impl Camera {
    /// A camera with these pictures.
    pub fn new(input: Vec<u8>) -> Self {
        Self { input, packets: 0 }
    }
}

/// The only terms on which pictures are sent: format, interval, sizes.
fn terms() -> Vec<u8> {
    [
        &[0, 0, 1, 1],
        &INTERVAL.to_le_bytes()[..],
        &[0; 10],
        &(PICTURE as u32).to_le_bytes(),
        &(PACKET as u32).to_le_bytes(),
    ]
    .concat()
}

fn topology() -> Vec<u8> {
    let units = [
        // INPUT_TERMINAL, a camera without controls; OUTPUT_TERMINAL.
        class(
            CS_INTERFACE,
            &[2, CAMERA, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0],
        ),
        class(CS_INTERFACE, &[3, HOST, 0x01, 0x01, 0, CAMERA, 0]),
    ]
    .concat();
    let [low, high] = (13 + units.len() as u16).to_le_bytes();
    // HEADER: version 1.0, a clock nobody looks at, the streaming interface.
    let header = class(CS_INTERFACE, &[1, 0, 1, low, high, 0, 0, 0, 0, 1, 1]);
    [header, units].concat()
}

fn formats() -> Vec<u8> {
    let mut format = vec![4, 1, 1];
    format.extend(YUYV);
    format.extend([16, 1, 0, 0, 0, 0]);
    let mut frame = vec![5, 1, 0];
    frame.extend(WIDTH.to_le_bytes());
    frame.extend(HEIGHT.to_le_bytes());
    let bits_per_second = PICTURE as u32 * 8 * 10;
    for number in [bits_per_second, bits_per_second, PICTURE as u32, INTERVAL] {
        frame.extend(number.to_le_bytes());
    }
    frame.push(1);
    frame.extend(INTERVAL.to_le_bytes());
    let formats = [class(CS_INTERFACE, &format), class(CS_INTERFACE, &frame)].concat();
    let [low, high] = (14 + formats.len() as u16).to_le_bytes();
    // INPUT_HEADER: one format, no still pictures, no controls.
    let header = class(
        CS_INTERFACE,
        &[1, 1, low, high, ADDRESS, 0, HOST, 0, 0, 0, 1, 0],
    );
    [header, formats].concat()
}

impl Device for Camera {
    fn ids(&self) -> (u16, u16) {
        (0x1d6b, 0x0104)
    }

    fn interfaces(&self) -> Vec<Interface> {
        let interface = |number, setting, subclass, class, endpoints| Interface {
            number,
            setting,
            kind: [VIDEO, subclass, 0],
            class,
            endpoints,
        };
        let endpoint = Endpoint {
            address: ADDRESS,
            attributes: ASYNCHRONOUS,
            packet: PACKET as u16,
            class: Vec::new(),
        };
        vec![
            interface(0, 0, CONTROL, topology(), Vec::new()),
            interface(1, 0, STREAMING, formats(), Vec::new()),
            interface(1, 1, STREAMING, Vec::new(), vec![endpoint]),
        ]
    }

    fn request(&mut self, setup: Setup, _data: &[u8]) -> Option<Vec<u8>> {
        if !matches!(setup.value, PROBE | COMMIT) || setup.index != 1 {
            return None;
        }
        match setup.request {
            // There is nothing to choose.
            SET_CUR => Some(Vec::new()),
            GET_LEN => Some((terms().len() as u16).to_le_bytes().to_vec()),
            GET_INFO => Some(vec![3]),
            GET_CUR..=GET_DEF => Some(terms()),
            _ => None,
        }
    }

    fn set_interface(&mut self, _interface: u16, _setting: u16) {
        self.packets = 0;
    }

    fn send(&mut self, _endpoint: u8, room: usize) -> Vec<u8> {
        let (number, part) = (self.packets / MICROFRAMES, self.packets % MICROFRAMES);
        self.packets += 1;
        let pictures = (self.input.len() / PICTURE).max(1);
        let picture = self
            .input
            .chunks_exact(PICTURE)
            .nth(number % pictures)
            .unwrap_or_default();
        let Some(data) = picture.chunks(PAYLOAD).nth(part) else {
            return Vec::new();
        };
        let toggle = if number % 2 == 1 { TOGGLE } else { 0 };
        let end = if (part + 1) * PAYLOAD >= PICTURE {
            END
        } else {
            0
        };
        let mut packet = vec![HEADER as u8, IS_HEADER | toggle | end];
        packet.extend(data);
        packet.truncate(room);
        packet
    }

    fn receive(&mut self, _endpoint: u8, _packet: &[u8]) {}
}
