// SPDX-License-Identifier: GPL-2.0
//! usbfs: drives a USB device from userspace, to make its host controller driver cancel transfers.
//!
//! ```text
//! usbfs timeouts    NODE ENDPOINT COUNT          transfers that run into a 50 ms limit
//! usbfs discards    NODE ENDPOINT COUNT DEPTH    COUNT times: submit DEPTH URBs, take all back
//! usbfs descriptor  NODE                         prints the device descriptor in hexadecimal
//! ```
//!
//! ENDPOINT is an IN endpoint of interface 0 that has nothing to say; no driver may hold the interface.
//! Ends with 0 only if every transfer ended as a cancelled one must.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
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

const WRITE: u64 = 1;
const READ: u64 = 2;
const URB_INTERRUPT: u8 = 1;

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

fn urb(endpoint: u8, buffer: &mut [u8; 8]) -> Urb {
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

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["timeouts", node, endpoint, count] => {
            let device = Device::open(node)?;
            device.claim()?;
            (0..number(count)?).try_for_each(|_| device.time_out(number(endpoint)? as u8))
        }
        ["discards", node, endpoint, count, depth] => {
            let device = Device::open(node)?;
            device.claim()?;
            (0..number(count)?).try_for_each(|_| device.discard(number(endpoint)? as u8, number(depth)?))
        }
        ["descriptor", node] => {
            let data = Device::open(node)?.descriptor()?;
            println!("{}", data.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            Ok(())
        }
        _ => Err(Error::other("usage: usbfs timeouts|discards|descriptor NODE [ENDPOINT COUNT [DEPTH]]")),
    }
}
