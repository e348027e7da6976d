// SPDX-License-Identifier: GPL-2.0

//! Attribute files: bounded reads, single writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// No attribute is longer than a page, and no supported page is longer than this (bytes).
const MAX_LEN: u64 = 64 * 1024;

/// Reads an attribute as it is.
///
/// # Errors
/// Those of opening and reading the file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut value = Vec::new();
    File::open(path)?.take(MAX_LEN).read_to_end(&mut value)?;
    Ok(value)
}

/// Reads an attribute as text, without trailing line ends, as libudev does.
///
/// # Errors
/// Those of [`read`].
pub fn read_text(path: &Path) -> io::Result<String> {
    let value = read(path)?;
    let text = String::from_utf8_lossy(&value);
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Writes an attribute with one `write` call, because one call is one command.
///
/// # Errors
/// Those of opening and writing; a short write is [`io::ErrorKind::WriteZero`].
pub fn write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    match file.write(value.as_bytes())? {
        count if count == value.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_line_ends_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bNumInterfaces");
        std::fs::write(&path, " 1\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), " 1");
    }

    #[test]
    fn writing_never_creates_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("attach");
        let error = write(&path, "0 3 1 3").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
