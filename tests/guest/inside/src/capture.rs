// SPDX-License-Identifier: GPL-2.0
//! capture: takes pictures with a V4L2 camera, in the format it starts with.
//!
//! ```text
//! capture NODE COUNT BYTES > PICTURES
//! ```
//!
//! Each picture must have so many bytes. Fails if one is damaged or of another size.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result, Write};
use std::os::fd::AsRawFd;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

const BUFFERS: u32 = 8;
const CAPTURE: u32 = 1;
const USERPTR: u32 = 2;
const FLAG_ERROR: u32 = 0x40;

/// struct v4l2_requestbuffers.
#[repr(C)]
struct Request {
    count: u32,
    kind: u32,
    memory: u32,
    capabilities: u32,
    flags: u32,
}

/// struct v4l2_buffer, without the parts nobody looks at.
#[repr(C)]
#[derive(Default)]
struct Buffer {
    index: u32,
    kind: u32,
    used: u32,
    flags: u32,
    field: u32,
    time: [u64; 4],
    sequence: u32,
    memory: u32,
    address: u64,
    length: u32,
    reserved: [u32; 2],
}

const fn request(direction: u64, number: u64, size: usize) -> u64 {
    direction << 30 | (size as u64) << 16 | (b'V' as u64) << 8 | number
}

const REQBUFS: u64 = request(3, 8, size_of::<Request>());
const QBUF: u64 = request(3, 15, size_of::<Buffer>());
const DQBUF: u64 = request(3, 17, size_of::<Buffer>());
const STREAMON: u64 = request(1, 18, size_of::<u32>());
const STREAMOFF: u64 = request(1, 19, size_of::<u32>());

fn call<T>(camera: &File, request: u64, argument: &mut T) -> Result<()> {
    // SAFETY: Every caller passes the structure `request` is for. The memory that buffers point to stays where it is
    // until STREAMOFF, or until the camera is closed.
    match unsafe { ioctl(camera.as_raw_fd(), request, std::ptr::from_mut(argument)) } {
        code if code < 0 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

fn enqueue(camera: &File, index: usize, picture: &mut [u8]) -> Result<()> {
    let mut buffer = Buffer {
        index: index as u32,
        kind: CAPTURE,
        memory: USERPTR,
        address: picture.as_mut_ptr() as u64,
        length: picture.len() as u32,
        ..Buffer::default()
    };
    call(camera, QBUF, &mut buffer)
}

fn dequeue(camera: &File, bytes: usize) -> Result<usize> {
    let mut buffer = Buffer { kind: CAPTURE, memory: USERPTR, ..Buffer::default() };
    call(camera, DQBUF, &mut buffer)?;
    if buffer.flags & FLAG_ERROR != 0 || buffer.used as usize != bytes {
        let Buffer { sequence, used, flags, .. } = buffer;
        return Err(Error::other(format!("picture {sequence}: {used} bytes, flags {flags:x}")));
    }
    Ok(buffer.index as usize)
}

fn capture(camera: &File, count: usize, bytes: usize) -> Result<()> {
    let mut wanted = Request { count: BUFFERS, kind: CAPTURE, memory: USERPTR, capabilities: 0, flags: 0 };
    call(camera, REQBUFS, &mut wanted)?;
    let mut pictures = vec![vec![0; bytes]; wanted.count as usize];
    for (index, picture) in pictures.iter_mut().enumerate() {
        enqueue(camera, index, picture)?;
    }
    call(camera, STREAMON, &mut { CAPTURE })?;
    let mut taken = Vec::new();
    for _ in 0..count {
        let index = dequeue(camera, bytes)?;
        taken.extend_from_slice(&pictures[index]);
        enqueue(camera, index, &mut pictures[index])?;
    }
    call(camera, STREAMOFF, &mut { CAPTURE })?;
    std::io::stdout().write_all(&taken)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [node, count, bytes] => {
            let camera = OpenOptions::new().read(true).write(true).open(node)?;
            capture(&camera, count.parse().map_err(Error::other)?, bytes.parse().map_err(Error::other)?)
        }
        _ => Err(Error::other("usage: capture NODE COUNT BYTES > PICTURES")),
    }
}
