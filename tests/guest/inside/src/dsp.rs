// SPDX-License-Identifier: GPL-2.0
//! dsp: plays samples through ALSA's OSS emulation.
//!
//! ```text
//! dsp NODE < SAMPLES
//! ```
//!
//! SAMPLES are 16 bit little endian, two channels, 48 kHz, and go to the device unchanged; fails if it cannot take
//! them so. Ends when the last one has been played.

use std::fs::OpenOptions;
use std::io::{Error, Read, Result, Write};
use std::os::fd::AsRawFd;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

const SYNC: u64 = (b'P' as u64) << 8 | 1;
const SPEED: u64 = exchange(2);
const FORMAT: u64 = exchange(5);
const CHANNELS: u64 = exchange(6);
const FRAGMENTS: u64 = exchange(10);
const S16_LE: i32 = 0x10;
/// As deep as they come, which is a second: ALSA gives up when its buffer takes longer than it should to be played, so
/// a clip of a fraction of that has time on a busy machine.
const DEEP: i32 = 16 << 16 | 15;

const fn exchange(number: u64) -> u64 {
    3 << 30 | 4 << 16 | (b'P' as u64) << 8 | number
}

fn call(device: &impl AsRawFd, request: u64, mut value: i32) -> Result<i32> {
    // SAFETY: All requests above take a pointer to an int, but SYNC, which ignores it.
    match unsafe { ioctl(device.as_raw_fd(), request, &mut value) } {
        code if code < 0 => Err(Error::last_os_error()),
        _ => Ok(value),
    }
}

fn main() -> Result<()> {
    let node = std::env::args().nth(1).ok_or_else(|| Error::other("usage: dsp NODE < SAMPLES"))?;
    let mut samples = Vec::new();
    std::io::stdin().read_to_end(&mut samples)?;
    let mut device = OpenOptions::new().write(true).open(node)?;
    call(&device, FRAGMENTS, DEEP)?;
    for (request, wanted) in [(FORMAT, S16_LE), (CHANNELS, 2), (SPEED, 48_000)] {
        let got = call(&device, request, wanted)?;
        if got != wanted {
            return Err(Error::other(format!("asked for {wanted}, got {got}")));
        }
    }
    device.write_all(&samples).map_err(|error| Error::other(format!("write: {error}")))?;
    call(&device, SYNC, 0).map(drop).map_err(|error| Error::other(format!("sync: {error}")))
}
