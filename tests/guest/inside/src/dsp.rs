// SPDX-License-Identifier: GPL-2.0
//! dsp: plays or records samples through ALSA's OSS emulation.
//!
//! ```text
//! dsp play    NODE RATE CHANNELS < SAMPLES
//! dsp record  NODE RATE CHANNELS BYTES > SAMPLES
//! ```
//!
//! Samples are 16 bit little endian, and cross unchanged; fails if the device cannot take or give them so. Playing
//! ends when the last one has been played. Either takes as long as the device does: ALSA gives up on one that is slow,
//! as all are on a busy machine, but only where it waits itself.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::Duration;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

const RESET: u64 = (b'P' as u64) << 8;
const SPEED: u64 = exchange(2);
const FORMAT: u64 = exchange(5);
const CHANNELS: u64 = exchange(6);
const FRAGMENTS: u64 = exchange(10);
/// What there is to read: fragments, fragments in all, bytes of a fragment, bytes.
const SPACE: u64 = 2 << 30 | 16 << 16 | (b'P' as u64) << 8 | 13;
/// Bytes that have not been played yet.
const DELAY: u64 = 2 << 30 | 4 << 16 | (b'P' as u64) << 8 | 23;
const S16_LE: i32 = 0x10;
const O_NONBLOCK: i32 = 0o4000;

const FRAGMENT: usize = 4096;
/// As many fragments of 2^12 bytes as there can be, which is a second or more: a late reader misses nothing.
const DEEP: i32 = 0x7fff << 16 | 12;
/// Played after the samples, because the driver counts what it has handed over and has not been played yet.
const SILENCE: [u8; 8 * FRAGMENT] = [0; 8 * FRAGMENT];

const fn exchange(number: u64) -> u64 {
    3 << 30 | 4 << 16 | (b'P' as u64) << 8 | number
}

fn call(device: &File, request: u64, value: i32) -> Result<i32> {
    let mut numbers = [value, 0, 0, 0];
    // SAFETY: All requests above take a pointer to at most four ints, but RESET, which ignores it.
    match unsafe { ioctl(device.as_raw_fd(), request, &mut numbers) } {
        code if code < 0 => Err(Error::last_os_error()),
        _ if request == SPACE => Ok(numbers[3]),
        _ => Ok(numbers[0]),
    }
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(Error::other)
}

fn set_up(device: &File, rate: &str, channels: &str) -> Result<()> {
    call(device, FRAGMENTS, DEEP)?;
    for (request, wanted) in [(FORMAT, S16_LE), (CHANNELS, number(channels)? as i32), (SPEED, number(rate)? as i32)] {
        let got = call(device, request, wanted)?;
        if got != wanted {
            return Err(Error::other(format!("asked for {wanted}, got {got}")));
        }
    }
    Ok(())
}

/// The number of bytes moved; 0 after a while if the device is not ready.
fn moved(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            sleep(Duration::from_millis(20));
            Ok(0)
        }
        result => result,
    }
}

fn play(mut device: File) -> Result<()> {
    let mut samples = Vec::new();
    std::io::stdin().read_to_end(&mut samples)?;
    let end = samples.len() + SILENCE.len() / 2;
    samples.extend_from_slice(&SILENCE);
    let mut written = 0;
    while written - (call(&device, DELAY, 0)? as usize).min(written) < end {
        match samples.get(written..).unwrap_or_default() {
            [] => sleep(Duration::from_millis(20)),
            rest => written += moved(device.write(rest))?,
        }
    }
    call(&device, RESET, 0).map(drop)
}

fn record(mut device: File, bytes: usize) -> Result<()> {
    let mut samples = vec![0; bytes];
    // The first attempt starts the recording.
    let mut count = moved(device.read(&mut samples))?;
    while count < bytes {
        // snd-usb-audio says that a packet is there, and then copies it: the newest are left alone.
        if (call(&device, SPACE, 0)? as usize) < 2 * FRAGMENT {
            sleep(Duration::from_millis(20));
            continue;
        }
        let end = bytes.min(count + FRAGMENT);
        count += moved(device.read(&mut samples[count..end]))?;
    }
    std::io::stdout().write_all(&samples)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let open = |options: &mut OpenOptions, node, rate, channels| {
        let device = options.custom_flags(O_NONBLOCK).open(node)?;
        set_up(&device, rate, channels).map(|()| device)
    };
    match words[..] {
        ["play", node, rate, channels] => play(open(OpenOptions::new().write(true), node, rate, channels)?),
        ["record", node, rate, channels, bytes] => {
            record(open(OpenOptions::new().read(true), node, rate, channels)?, number(bytes)?)
        }
        _ => Err(Error::other("usage: dsp play|record NODE RATE CHANNELS [BYTES]")),
    }
}
