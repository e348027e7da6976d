// SPDX-License-Identifier: GPL-2.0

//! The 48-byte header that starts every PDU of the URB phase.
//!
//! All words are big-endian except the last eight bytes of a CMD_SUBMIT, which are the setup
//! packet as it appears on the bus.

/// Bytes in the header of every PDU of the URB phase.
pub const HEADER_LEN: usize = 48;

pub(super) const CMD_SUBMIT: u32 = 1;
pub(super) const CMD_UNLINK: u32 = 2;
pub(super) const RET_SUBMIT: u32 = 3;
pub(super) const RET_UNLINK: u32 = 4;

/// The direction of a transfer, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the device; wire value 0.
    Out,
    /// From the device to the client; wire value 1.
    In,
}

impl Direction {
    /// The word that stands for this direction in a CMD_SUBMIT.
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::Out => 0,
            Self::In => 1,
        }
    }

    /// The direction a word stands for, or [`None`] if it is neither 0 nor 1.
    pub const fn from_wire(word: u32) -> Option<Self> {
        match word {
            0 => Some(Self::Out),
            1 => Some(Self::In),
            _ => None,
        }
    }
}

/// The header as its twelve words.
pub(super) type Words = [u32; HEADER_LEN / 4];

pub(super) fn to_words(bytes: &[u8; HEADER_LEN]) -> Words {
    let mut words = Words::default();
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = chunk.first_chunk().copied().map_or(0, u32::from_be_bytes);
    }
    words
}

pub(super) fn to_bytes(words: &Words) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The two's complement reading of a wire word.
pub(super) const fn signed(word: u32) -> i32 {
    i32::from_ne_bytes(word.to_ne_bytes())
}

/// The wire word of a two's complement value.
pub(super) const fn unsigned(value: i32) -> u32 {
    u32::from_ne_bytes(value.to_ne_bytes())
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::prelude::kunit_tests(usbip_protocol_header)
)]
mod tests {
    use super::*;

    #[test]
    fn words_are_big_endian() {
        let mut bytes = [0; HEADER_LEN];
        bytes[..5].copy_from_slice(&[0x12, 0x34, 0x56, 0x78, 0x9a]);
        let words = to_words(&bytes);
        assert_eq!(words[0], 0x1234_5678);
        assert_eq!(words[1], 0x9a00_0000);
        assert_eq!(to_bytes(&words), bytes);
    }

    #[test]
    fn signs_survive() {
        assert_eq!(signed(0xffff_ff98), -104);
        assert_eq!(unsigned(-104), 0xffff_ff98);
        assert_eq!(signed(unsigned(i32::MIN)), i32::MIN);
    }

    #[test]
    fn only_two_directions() {
        assert_eq!(Direction::from_wire(0), Some(Direction::Out));
        assert_eq!(Direction::from_wire(1), Some(Direction::In));
        assert_eq!(Direction::from_wire(2), None);
        assert_eq!(Direction::from_wire(u32::MAX), None);
    }
}
