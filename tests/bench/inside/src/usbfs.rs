// SPDX-License-Identifier: GPL-2.0

//! Transfers through usbfs.
//!
//! C header: `include/uapi/linux/usbdevice_fs.h`

#![allow(unsafe_code)]

use crate::endpoint;
use crate::pipe::{Completion, Pipe};
use crate::plan::{Kind, Plan, PACKETS};
use crate::sysfs::Device;
use rustix::ioctl::{ioctl, opcode, Getter, Opcode, Setter, Updater};
use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

const PAGE: usize = 4096;
const TYPE_ISO: u8 = 0;
const TYPE_INTERRUPT: u8 = 1;
const TYPE_BULK: u8 = 3;
const ISO_ASAP: u32 = 2;

const SETINTERFACE: Opcode = opcode::read::<[u32; 2]>(b'U', 4);
// The number has the size without packets.
const SUBMITURB: Opcode = opcode::read::<Head>(b'U', 10);
const REAPURB: Opcode = opcode::write::<*mut c_void>(b'U', 12);
const CLAIMINTERFACE: Opcode = opcode::read::<u32>(b'U', 15);

/// `struct usbdevfs_urb`
#[repr(C)]
struct Head {
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
}

/// `struct usbdevfs_iso_packet_desc`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Packet {
    length: u32,
    actual_length: u32,
    status: u32,
}

#[repr(C)]
struct Urb {
    head: Head,
    packets: [Packet; PACKETS],
}

#[repr(align(4096))]
#[derive(Clone)]
struct Page(#[allow(dead_code)] [u8; PAGE]);

/// A device node, its interface 0 taken, and transfers to one of its endpoints.
pub struct Usbfs {
    node: File,
    /// Never freed, like their buffers: the kernel writes to them as long as it likes.
    urbs: Vec<*mut Urb>,
    size: usize,
}

impl Usbfs {
    /// Opens a device, for transfers to the endpoint that the plan is for.
    pub fn open(busid: &str, plan: &Plan) -> io::Result<Self> {
        let device = Device(busid.to_owned());
        let endpoint = device.endpoint(plan.kind, plan.direction)?;
        let node = device.node()?;
        let node = OpenOptions::new().read(true).write(true).open(node)?;
        // SAFETY: The request reads an unsigned int.
        unsafe { ioctl(&node, Setter::<CLAIMINTERFACE, u32>::new(0))? };
        let setting = [0, u32::from(endpoint::setting(plan.kind))];
        // SAFETY: The request reads two unsigned ints.
        unsafe { ioctl(&node, Setter::<SETINTERFACE, [u32; 2]>::new(setting))? };
        let urb = |slot| Box::into_raw(Box::new(Urb::new(endpoint, slot, plan)));
        let urbs = (0..plan.depth).map(urb).collect();
        let size = plan.size;
        Ok(Self { node, urbs, size })
    }
}

impl AsFd for Usbfs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}

impl Pipe for Usbfs {
    fn submit(&mut self, slot: usize) -> io::Result<()> {
        // SAFETY: The URB is never freed, and the kernel has given it back.
        let urb = unsafe { &mut *self.urbs[slot] };
        // SAFETY: The request takes a URB with a buffer and packets as it says.
        unsafe { ioctl(&self.node, Updater::<SUBMITURB, Urb>::new(urb))? };
        Ok(())
    }

    fn complete(&mut self) -> io::Result<Completion> {
        // SAFETY: The request writes the address of a URB that was submitted here.
        let urb = unsafe { ioctl(&self.node, Getter::<REAPURB, *mut Urb>::new())? };
        // SAFETY: It is one of ours, and the kernel is done with it.
        let urb = unsafe { &*urb };
        let bytes = urb.bytes();
        Ok(Completion {
            slot: urb.head.context as usize,
            bytes,
            failed: urb.head.status != 0 || bytes != self.size,
        })
    }
}

impl Urb {
    fn new(endpoint: u8, slot: usize, plan: &Plan) -> Self {
        let pages = vec![Page([0; PAGE]); plan.size.div_ceil(PAGE)].leak();
        let (kind, flags, packet_count) = match plan.kind {
            Kind::Bulk => (TYPE_BULK, 0, 0),
            Kind::Interrupt => (TYPE_INTERRUPT, 0, 0),
            Kind::Isochronous => (TYPE_ISO, ISO_ASAP, PACKETS),
        };
        let packet = Packet {
            length: (plan.size / PACKETS) as u32,
            ..Packet::default()
        };
        let head = Head {
            kind,
            endpoint,
            status: 0,
            flags,
            buffer: pages.as_mut_ptr().cast(),
            buffer_length: plan.size as i32,
            actual_length: 0,
            start_frame: 0,
            packet_count: packet_count as i32,
            error_count: 0,
            signal: 0,
            context: slot as *mut c_void,
        };
        Self {
            head,
            packets: [packet; PACKETS],
        }
    }

    /// Bytes transferred, those of packets that failed left out.
    fn bytes(&self) -> usize {
        if self.head.packet_count == 0 {
            return self.head.actual_length as usize;
        }
        let good = self.packets.iter().filter(|packet| packet.status == 0);
        good.map(|packet| packet.actual_length as usize).sum()
    }
}
