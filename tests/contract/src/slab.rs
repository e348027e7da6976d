// SPDX-License-Identifier: GPL-2.0

//! Memory of the kernel.

use std::fs;
use std::io;

/// Objects that `kmalloc()` has given out, of whatever size (`/proc/slabinfo`).
pub fn objects() -> io::Result<usize> {
    let table = fs::read_to_string("/proc/slabinfo")?;
    let rows = table.lines().filter(|row| row.starts_with("kmalloc-"));
    let active = rows.filter_map(|row| row.split_whitespace().nth(1)?.parse::<usize>().ok());
    Ok(active.sum())
}
