// SPDX-License-Identifier: GPL-2.0

//! What is done to valid PDUs.

use fastrand::Rng;
use usbip_protocol::HEADER_LEN;

/// A PDU as it goes on the wire: a header, and the data and packets behind it.
#[derive(Clone, Debug)]
pub struct Message {
    /// The header.
    pub header: [u8; HEADER_LEN],
    /// What follows it.
    pub body: Vec<u8>,
}

/// Something done to one PDU.
type Change = fn(&mut Rng, &mut Message);

/// Words that have been wrong in some driver: bounds of fields, of types, of memory.
const WORDS: &[u32] = &[
    0,
    1,
    2,
    3,
    4,
    15,
    16,
    31,
    32,
    0x7f,
    0x80,
    0xff,
    0x100,
    512,
    1023,
    1024,
    1025,
    4095,
    4096,
    0xffff,
    0x1_0000,
    1 << 20,
    5 << 20,
    64 << 20,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ff8d,
    0xffff_ff98,
    0xffff_fffe,
    0xffff_ffff,
];

/// What can be done; some of it ends the connection at once, and most does not.
const CHANGES: &[Change] = &[
    |rng, message| {
        let index = rng.usize(1..HEADER_LEN / 4);
        set_word(&mut message.header, index, word(rng));
    },
    |rng, message| {
        let index = rng.usize(5..HEADER_LEN / 4);
        set_word(&mut message.header, index, word(rng));
    },
    |rng, message| flip(rng, &mut message.header),
    |rng, message| set_word(&mut message.header, 0, rng.u32(0..6)),
    |rng, message| {
        let near = rng.u32(0..40);
        set_word(&mut message.header, 1, near);
    },
    |rng, message| set_word(&mut message.header, 4, rng.u32(0..18)),
    |rng, message| set_word(&mut message.header, 5, rng.u32(..)),
    |rng, message| flip(rng, &mut message.header[40..]),
    |rng, message| flip(rng, &mut message.body),
    |rng, message| {
        let length = rng.usize(0..=message.body.len());
        message.body.truncate(length);
    },
    |rng, message| {
        let more = rng.usize(1..64);
        message.body.extend((0..more).map(|_| rng.u8(..)));
    },
    |rng, message| {
        let words = message.body.len() / 4;
        if words > 0 {
            set_word(&mut message.body, rng.usize(0..words), word(rng));
        }
    },
    |rng, message| rng.fill(&mut message.header),
];

impl Message {
    /// A header with nothing behind it.
    pub fn bare(header: [u8; HEADER_LEN]) -> Self {
        Self {
            header,
            body: Vec::new(),
        }
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.header[..], &self.body].concat()
    }
}

/// Does one thing to a PDU.
pub fn mutate(rng: &mut Rng, message: &mut Message) {
    let change = CHANGES[rng.usize(..CHANGES.len())];
    change(rng, message);
}

/// Mutates about one in `rate` PDUs of a stream, and its order; returns how many were touched.
pub fn mutate_stream(rng: &mut Rng, stream: &mut Vec<Message>, rate: usize) -> usize {
    let mut touched = 0;
    for message in stream.iter_mut() {
        if rng.usize(..rate) == 0 {
            mutate(rng, message);
            touched += 1;
        }
    }
    if stream.len() > 1 && rng.bool() {
        let index = rng.usize(1..stream.len());
        match rng.u8(..3) {
            0 => stream.swap(index, index - 1),
            1 => stream.insert(index, stream[rng.usize(..stream.len())].clone()),
            _ => drop(stream.remove(index)),
        }
        touched += 1;
    }
    touched
}

fn word(rng: &mut Rng) -> u32 {
    match rng.u8(..8) {
        0 => rng.u32(..),
        _ => WORDS[rng.usize(..WORDS.len())],
    }
}

fn set_word(bytes: &mut [u8], index: usize, word: u32) {
    if let Some(chunk) = bytes.chunks_exact_mut(4).nth(index) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
}

fn flip(rng: &mut Rng, bytes: &mut [u8]) {
    if !bytes.is_empty() {
        bytes[rng.usize(..bytes.len())] ^= 1 << rng.u8(..8);
    }
}
