// SPDX-License-Identifier: GPL-2.0
//! usbfs: drives a USB device from userspace, for transfers that no driver makes, or cancels.
//!
//! ```text
//! usbfs timeouts    NODE ENDPOINT COUNT          transfers that run into a 50 ms limit
//! usbfs discards    NODE ENDPOINT COUNT DEPTH    COUNT times: submit DEPTH URBs, take all back
//! usbfs descriptor  NODE                         prints the device descriptor in hexadecimal
//! usbfs receive     NODE ENDPOINT COUNT LENGTH   COUNT isochronous packets of at most LENGTH bytes, to stdout
//! usbfs send        NODE ENDPOINT                isochronous packets from stdin
//! ```
//!
//! ENDPOINT belongs to interface 0, which no driver may hold. One to cancel transfers of has nothing to say; ends with
//! 0 only if every one ended as it must. An isochronous packet is two bytes of length, least significant first, and as
//! many of data; ends with 0 only if none failed. All are on their way at once, in URBs as large as usbfs takes.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Result, Write};
use std::os::fd::AsRawFd;

const TIMEOUT_MS: u32 = 50;
const ETIMEDOUT: i32 = 110;
const ENOENT: i32 = 2;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

#[repr(C)]
struct Control {
    request_type: u8,
    request: u8,
    value: u16,
    index: u16,
    length: u16,
    timeout: u32,
    data: *mut c_void,
}

#[repr(C)]
struct Bulk {
    endpoint: u32,
    length: u32,
    timeout: u32,
    data: *mut c_void,
}

#[repr(C)]
struct Urb {
    kind: u8,
    endpoint: u8,
    status: i32,
    flags: u32,
    buffer: *mut c_void,
    buffer_length: i32,
    actual_length: i32,
    start_frame: i32,
    number_of_packets: i32,
    error_count: i32,
    signal: u32,
    context: *mut c_void,
}

/// The most packets of a URB that usbfs takes.
const PACKETS: usize = 128;

/// struct usbdevfs_iso_packet_desc.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Packet {
    length: u32,
    actual_length: u32,
    status: i32,
}

/// An isochronous URB: its packets follow.
#[repr(C)]
struct Isochronous {
    urb: Urb,
    packets: [Packet; PACKETS],
}

const WRITE: u64 = 1;
const READ: u64 = 2;
const URB_ISOCHRONOUS: u8 = 0;
const URB_INTERRUPT: u8 = 1;
const AS_SOON_AS_POSSIBLE: u32 = 2;

const fn request(direction: u64, number: u64, size: usize) -> u64 {
    direction << 30 | (size as u64) << 16 | (b'U' as u64) << 8 | number
}

const CONTROL: u64 = request(READ | WRITE, 0, size_of::<Control>());
const BULK: u64 = request(READ | WRITE, 2, size_of::<Bulk>());
const SUBMIT: u64 = request(READ, 10, size_of::<Urb>());
const DISCARD: u64 = request(0, 11, 0);
const REAP: u64 = request(WRITE, 12, size_of::<*mut c_void>());
const CLAIM: u64 = request(READ, 15, size_of::<u32>());

/// One open node below /dev/bus/usb.
struct Device(File);

impl Device {
    fn open(node: &str) -> Result<Self> {
        Ok(Self(OpenOptions::new().read(true).write(true).open(node)?))
    }

    fn call<T>(&self, request: u64, argument: *mut T) -> Result<i32> {
        // SAFETY: Every caller passes the structure `request` is for, alive until the call (for SUBMIT: until
        // the URB is reaped).
        match unsafe { ioctl(self.0.as_raw_fd(), request, argument) } {
            code if code < 0 => Err(Error::last_os_error()),
            code => Ok(code),
        }
    }

    fn claim(&self) -> Result<()> {
        let mut interface = 0u32;
        self.call(CLAIM, &mut interface).map(drop)
    }

    /// A transfer that has to run into its limit.
    fn time_out(&self, endpoint: u8) -> Result<()> {
        let mut data = [0u8; 8];
        let mut bulk = Bulk {
            endpoint: endpoint.into(),
            length: data.len() as u32,
            timeout: TIMEOUT_MS,
            data: data.as_mut_ptr().cast(),
        };
        match self.call(BULK, &mut bulk) {
            Err(error) if error.raw_os_error() == Some(ETIMEDOUT) => Ok(()),
            Err(error) => Err(error),
            Ok(length) => Err(Error::other(format!("unexpected {length} bytes"))),
        }
    }

    /// Submits `depth` URBs, takes them back youngest first, and reaps them all.
    fn discard(&self, endpoint: u8, depth: usize) -> Result<()> {
        let mut buffers = vec![[0u8; 8]; depth];
        let mut urbs: Vec<Urb> = buffers.iter_mut().map(|buffer| urb(endpoint, buffer)).collect();
        for urb in &mut urbs {
            self.call(SUBMIT, urb)?;
        }
        for urb in urbs.iter_mut().rev() {
            self.call(DISCARD, urb)?;
        }
        for _ in 0..depth {
            let mut reaped: *mut Urb = std::ptr::null_mut();
            self.call(REAP, &mut reaped)?;
        }
        match urbs.iter().find(|urb| urb.status != -ENOENT) {
            Some(urb) => Err(Error::other(format!("a cancelled URB has status {}", urb.status))),
            None => Ok(()),
        }
    }

    /// Submits isochronous URBs and waits until all have ended well.
    fn stream(&self, streams: &mut [Stream]) -> Result<()> {
        for stream in streams.iter_mut() {
            self.call(SUBMIT, &mut *stream.transfer)?;
        }
        for _ in 0..streams.len() {
            let mut reaped: *mut Urb = std::ptr::null_mut();
            self.call(REAP, &mut reaped)?;
        }
        streams.iter().try_for_each(Stream::check)
    }

    fn receive(&self, endpoint: u8, count: usize, length: usize) -> Result<()> {
        let lengths = vec![length; count];
        let new = |lengths: &[usize]| Stream::new(endpoint, lengths, vec![0; lengths.len() * length]);
        let mut streams: Vec<Stream> = lengths.chunks(PACKETS).map(new).collect();
        self.stream(&mut streams)?;
        let mut output = Vec::new();
        for stream in &streams {
            for (packet, place) in stream.packets().iter().zip(stream.buffer.chunks(length)) {
                output.extend((packet.actual_length as u16).to_le_bytes());
                output.extend(&place[..packet.actual_length as usize]);
            }
        }
        std::io::stdout().write_all(&output)
    }

    fn send(&self, endpoint: u8) -> Result<()> {
        let mut input = Vec::new();
        std::io::stdin().read_to_end(&mut input)?;
        let new = |packets: &[&[u8]]| {
            let lengths: Vec<usize> = packets.iter().map(|packet| packet.len()).collect();
            Stream::new(endpoint, &lengths, packets.concat())
        };
        let mut streams: Vec<Stream> = split(&input).chunks(PACKETS).map(new).collect();
        self.stream(&mut streams)?;
        let whole = |packet: &Packet| packet.actual_length == packet.length;
        match streams.iter().all(|stream| stream.packets().iter().all(whole)) {
            true => Ok(()),
            false => Err(Error::other("a packet was not sent whole")),
        }
    }

    fn descriptor(&self) -> Result<Vec<u8>> {
        let mut data = vec![0u8; 18];
        let mut control = Control {
            request_type: 0x80,
            request: 6,
            value: 0x0100,
            index: 0,
            length: data.len() as u16,
            timeout: 5000,
            data: data.as_mut_ptr().cast(),
        };
        let length = self.call(CONTROL, &mut control)?;
        data.truncate(length as usize);
        Ok(data)
    }
}

/// An isochronous URB and its buffer.
struct Stream {
    transfer: Box<Isochronous>,
    buffer: Vec<u8>,
}

impl Stream {
    fn new(endpoint: u8, lengths: &[usize], mut buffer: Vec<u8>) -> Self {
        let mut packets = [Packet::default(); PACKETS];
        for (packet, length) in packets.iter_mut().zip(lengths) {
            packet.length = *length as u32;
        }
        let mut urb = urb(endpoint, &mut buffer);
        urb.kind = URB_ISOCHRONOUS;
        urb.flags = AS_SOON_AS_POSSIBLE;
        urb.number_of_packets = lengths.len() as i32;
        Self { transfer: Box::new(Isochronous { urb, packets }), buffer }
    }

    fn packets(&self) -> &[Packet] {
        &self.transfer.packets[..self.transfer.urb.number_of_packets as usize]
    }

    fn check(&self) -> Result<()> {
        let (status, errors) = (self.transfer.urb.status, self.transfer.urb.error_count);
        if status != 0 || errors != 0 || self.packets().iter().any(|packet| packet.status != 0) {
            return Err(Error::other(format!("URB: status {status}, {errors} packets failed")));
        }
        Ok(())
    }
}

fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some((&[low, high], rest)) = input.split_first_chunk() {
        let (packet, rest) = rest.split_at(u16::from_le_bytes([low, high]).into());
        packets.push(packet);
        input = rest;
    }
    packets
}

fn urb(endpoint: u8, buffer: &mut [u8]) -> Urb {
    Urb {
        kind: URB_INTERRUPT,
        endpoint,
        status: 0,
        flags: 0,
        buffer: buffer.as_mut_ptr().cast(),
        buffer_length: buffer.len() as i32,
        actual_length: 0,
        start_frame: 0,
        number_of_packets: 0,
        error_count: 0,
        signal: 0,
        context: std::ptr::null_mut(),
    }
}

fn number(text: &str) -> Result<usize> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(Error::other)
}

fn claimed(node: &str) -> Result<Device> {
    let device = Device::open(node)?;
    device.claim().map(|()| device)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["timeouts", node, endpoint, count] => {
            let device = claimed(node)?;
            (0..number(count)?).try_for_each(|_| device.time_out(number(endpoint)? as u8))
        }
        ["discards", node, endpoint, count, depth] => {
            let device = claimed(node)?;
            (0..number(count)?).try_for_each(|_| device.discard(number(endpoint)? as u8, number(depth)?))
        }
        ["receive", node, endpoint, count, length] => {
            claimed(node)?.receive(number(endpoint)? as u8, number(count)?, number(length)?)
        }
        ["send", node, endpoint] => claimed(node)?.send(number(endpoint)? as u8),
        ["descriptor", node] => {
            let data = Device::open(node)?.descriptor()?;
            println!("{}", data.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            Ok(())
        }
        _ => Err(Error::other("usage: usbfs timeouts|discards|descriptor|receive|send NODE [ENDPOINT [COUNT [...]]]")),
    }
}
