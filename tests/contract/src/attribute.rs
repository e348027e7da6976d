// SPDX-License-Identifier: GPL-2.0

//! Files of sysfs, and what reading and writing them comes to.

use crate::{errno, escape};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What one `read()` of a file gives: its bytes, or the name of an error.
pub fn read(path: impl AsRef<Path>) -> String {
    let mut page = vec![0; 65_536];
    match File::open(path).and_then(|mut file| file.read(&mut page)) {
        Ok(count) => format!("\"{}\"", escape::text(&page[..count])),
        Err(error) => errno::of(&error),
    }
}

/// The content of a file without the newline at its end; empty if it cannot be read.
pub fn value(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// What one `write()` to a file comes to: `ok` if all bytes are taken, or the name of an error.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let written = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write(bytes));
    match written {
        Ok(count) if count == bytes.len() => "ok".to_owned(),
        Ok(count) => format!("{count} of {}", bytes.len()),
        Err(error) => errno::of(&error),
    }
}

/// The files of a folder with their modes, sorted; folders and links are left out.
pub fn files(folder: impl AsRef<Path>) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let mode = entry.metadata()?.permissions().mode() & 0o7777;
            found.push(format!(
                "{} {mode:04o}",
                entry.file_name().to_string_lossy()
            ));
        }
    }
    found.sort();
    Ok(found)
}

/// The name of what a link points to, or the name of an error.
pub fn target(link: impl AsRef<Path>) -> String {
    match fs::read_link(link) {
        Ok(target) => target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        Err(error) => errno::of(&error),
    }
}
