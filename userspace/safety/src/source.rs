// SPDX-License-Identifier: GPL-2.0

//! The Rust files of the repository.

use std::fs;
use std::io;
use std::path::Path;

/// Where the repository is, seen from here.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A file.
pub struct Source {
    /// Its path in the repository.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// All Rust files, by path.
///
/// # Errors
/// Those of reading them.
pub fn all() -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    collect(Path::new(ROOT), "", &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Another file of the repository.
///
/// # Errors
/// Those of reading it.
#[cfg(test)]
pub fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(Path::new(ROOT).join(path))
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let is_hidden = name.starts_with('.');
        if entry.file_type()?.is_dir() {
            if !is_hidden && name != "target" {
                collect(&entry.path(), &format!("{path}/"), found)?;
            }
        } else if !is_hidden && name.ends_with(".rs") && path != "rust/bindings/usbip_bindings.rs" {
            let text = fs::read_to_string(entry.path())?;
            found.push(Source { path, text });
        }
    }
    Ok(())
}
