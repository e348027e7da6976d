// SPDX-License-Identifier: GPL-2.0

//! What the targets share: a bound on memory, headers, and inputs that are files.

#![forbid(unsafe_code)]

use rustix::fs::{ftruncate, memfd_create, MemfdFlags};
use rustix::io::pwrite;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use usbip_protocol::HEADER_LEN;

/// Runs code that may hold at most `bytes` of heap at a time; panics if it takes more.
pub fn within<T>(bytes: usize, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(run()));
    let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
    assert!(
        info.bytes_max <= limit,
        "{} bytes of heap for an input worth {limit}",
        info.bytes_max
    );
    result.expect("measure() runs what it is given")
}

/// Runs code that reads a TOML document and may hold what that costs: up to hundreds of times the text when all of it
/// is errors.
pub fn within_toml<T>(text: &[u8], run: impl FnOnce() -> T) -> T {
    within(65_536 + 1024 * text.len(), run)
}

/// The first header of an input, as one of the command `command`.
pub fn header_of(command: u32, data: &[u8]) -> Option<([u8; HEADER_LEN], &[u8])> {
    let (header, rest) = data.split_first_chunk::<HEADER_LEN>()?;
    let mut header = *header;
    header[..4].copy_from_slice(&command.to_be_bytes());
    Some((header, rest))
}

/// A word of a header.
pub fn word(header: &[u8; HEADER_LEN], index: usize) -> u32 {
    let bytes = header.chunks_exact(4).nth(index).unwrap_or_default();
    bytes
        .iter()
        .fold(0, |word, byte| (word << 8) | u32::from(*byte))
}

/// A header with those bytes cleared that its kind of PDU has no use for: what an encoder sends.
pub fn canonical(header: &[u8; HEADER_LEN]) -> [u8; HEADER_LEN] {
    let used: &[usize] = match word(header, 0) {
        2 => &[0, 1, 2, 5],
        3 => &[0, 1, 5, 6, 7, 8, 9],
        4 => &[0, 1, 5],
        _ => return *header,
    };
    let mut bytes = *header;
    for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
        if !used.contains(&index) {
            chunk.fill(0);
        }
    }
    bytes
}

/// A file in memory, for parsers that take a path.
pub struct MemoryFile(OwnedFd);

impl MemoryFile {
    /// An empty file.
    pub fn new() -> Self {
        let file = memfd_create("input", MemfdFlags::CLOEXEC);
        Self(file.expect("a kernel without memory for a file has none for a fuzzer"))
    }

    /// Makes `data` the content; returns where the file can be opened.
    pub fn hold(&self, data: &[u8]) -> PathBuf {
        ftruncate(&self.0, 0).expect("a file of ours can be cut");
        let written = pwrite(&self.0, data, 0).expect("a file of ours can be written");
        assert_eq!(written, data.len());
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

impl Default for MemoryFile {
    fn default() -> Self {
        Self::new()
    }
}
