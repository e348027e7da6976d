// SPDX-License-Identifier: GPL-2.0

//! What the kernel counts by itself, system-wide.

use std::fs;
use std::io;

/// Counters, or the difference between two readings of them.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Context switches.
    pub switches: u64,
    /// TCP segments sent, acknowledgements included.
    pub segments: u64,
    /// Bytes sent on the loopback interface, all headers included.
    pub wire_bytes: u64,
}

impl Counters {
    /// Reads them.
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            switches: row("/proc/stat", "ctxt", 0)?,
            segments: segments()?,
            // After eight columns of what was received.
            wire_bytes: row("/proc/net/dev", "lo:", 8)?,
        })
    }

    /// What was counted from an earlier reading to this one.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            switches: self.switches - earlier.switches,
            segments: self.segments - earlier.segments,
            wire_bytes: self.wire_bytes - earlier.wire_bytes,
        }
    }
}

/// A column of the row that begins with a word.
fn row(file: &str, first: &str, column: usize) -> io::Result<u64> {
    let text = fs::read_to_string(file)?;
    let mut rows = text.lines().map(str::split_whitespace);
    rows.find_map(|mut words| (words.next() == Some(first)).then(|| words.nth(column)))
        .flatten()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{file}: no column {column} of '{first}'")))
}

/// `OutSegs`, the place of which is known only from the line of names.
fn segments() -> io::Result<u64> {
    const FILE: &str = "/proc/net/snmp";
    let text = fs::read_to_string(FILE)?;
    let names = text.lines().find(|line| line.starts_with("Tcp:"));
    let place = names.and_then(|line| line.split_whitespace().position(|name| name == "OutSegs"));
    let values = text.lines().filter(|line| line.starts_with("Tcp:")).nth(1);
    place
        .and_then(|place| values?.split_whitespace().nth(place)?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{FILE}: no OutSegs")))
}
