// SPDX-License-Identifier: GPL-2.0

//! Isochronous transfers on an imported device, which nusb does not have: usbfs as it is.
//!
//! C header: `include/uapi/linux/usbdevice_fs.h`

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::{self, Error};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;

/// The most packets usbfs takes.
pub const MAX_PACKETS: usize = 128;

const SUBMITURB: u64 = request(READ, 56, 10);
const REAPURB: u64 = request(WRITE, 8, 12);
const CLAIMINTERFACE: u64 = request(READ, 4, 15);

const WRITE: u64 = 1;
const READ: u64 = 2;

/// `_IOC()` for usbfs.
const fn request(direction: u64, size: u64, number: u64) -> u64 {
    (direction << 30) | (size << 16) | ((b'U' as u64) << 8) | number
}

/// USBDEVFS_URB_TYPE_ISO
const TYPE_ISO: u8 = 0;
/// USBDEVFS_URB_ISO_ASAP
const ISO_ASAP: u32 = 2;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

/// `struct usbdevfs_iso_packet_desc`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Packet {
    /// Bytes asked for.
    pub length: u32,
    /// Bytes transferred.
    pub actual_length: u32,
    /// 0 or a negative error number.
    pub status: i32,
}

/// `struct usbdevfs_urb`
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
    packet_count: i32,
    error_count: i32,
    signal: u32,
    context: *mut c_void,
    packets: [Packet; MAX_PACKETS],
}

/// A device node whose interface is ours.
pub struct Node(File);

/// A transfer the kernel has not given back. It is never freed: should nobody wait for its end, the
/// kernel may still write to it.
pub struct Pending<'a> {
    node: &'a Node,
    urb: *mut Urb,
    buffer: Vec<u8>,
}

/// How a transfer ended.
pub struct Ended {
    /// 0 or a negative error number.
    pub status: i32,
    /// The number of packets with an error.
    pub errors: i32,
    /// The packets.
    pub packets: Vec<Packet>,
    /// The buffer, packet behind packet.
    pub buffer: Vec<u8>,
}

impl Node {
    /// Opens a device and takes its first interface.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut interface = 0_u32;
        // SAFETY: The request reads an unsigned int.
        let code = unsafe { ioctl(file.as_raw_fd(), CLAIMINTERFACE, &mut interface) };
        result(code).map(|()| Self(file))
    }

    /// Submits a transfer with these bytes, which an IN transfer overwrites, in packets of `length`
    /// each.
    pub fn submit(&self, endpoint: u8, length: usize, mut buffer: Vec<u8>) -> io::Result<Pending> {
        let count = buffer.len() / length;
        let mut packets = [Packet::default(); MAX_PACKETS];
        for packet in packets.iter_mut().take(count) {
            packet.length = u32::try_from(length).unwrap_or_default();
        }
        let urb = Box::leak(Box::new(Urb {
            kind: TYPE_ISO,
            endpoint,
            status: 0,
            flags: ISO_ASAP,
            buffer: buffer.as_mut_ptr().cast(),
            buffer_length: i32::try_from(buffer.len()).unwrap_or_default(),
            actual_length: 0,
            start_frame: 0,
            packet_count: i32::try_from(count).unwrap_or_default(),
            error_count: 0,
            signal: 0,
            context: ptr::null_mut(),
            packets,
        }));
        // SAFETY: The transfer is never freed, and its buffer not before the kernel has given it
        // back: `Pending` keeps it, or leaks it.
        let code = unsafe { ioctl(self.0.as_raw_fd(), SUBMITURB, ptr::from_mut(urb)) };
        result(code).map(|()| Pending {
            node: self,
            urb,
            buffer,
        })
    }
}

impl Pending<'_> {
    /// Waits for the end.
    pub fn wait(mut self) -> io::Result<Ended> {
        let mut reaped: *mut Urb = ptr::null_mut();
        // SAFETY: The request writes a pointer.
        let code = unsafe { ioctl(self.node.0.as_raw_fd(), REAPURB, &mut reaped) };
        result(code)?;
        // SAFETY: Never freed, and the kernel is done with it.
        let urb = unsafe { &*self.urb };
        let count = usize::try_from(urb.packet_count).unwrap_or_default();
        Ok(Ended {
            status: urb.status,
            errors: urb.error_count,
            packets: urb.packets[..count.min(MAX_PACKETS)].to_vec(),
            buffer: std::mem::take(&mut self.buffer),
        })
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        std::mem::forget(std::mem::take(&mut self.buffer));
    }
}

fn result(code: i32) -> io::Result<()> {
    match code {
        0.. => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
