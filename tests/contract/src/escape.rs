// SPDX-License-Identifier: GPL-2.0

//! Bytes as one line of text.

use std::fmt::Write;

/// Printable characters as they are, everything else as in a Rust string.
pub fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
