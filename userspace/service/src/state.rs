// SPDX-License-Identifier: GPL-2.0

//! Files below `/run` that tell what a service is doing. They end with the boot.

use std::env;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use log::warn;
use serde::de::DeserializeOwned;
use serde::Serialize;
use tempfile::NamedTempFile;

/// Everybody may read what a service is doing.
const MODE: u32 = 0o644;

/// Where the services keep their state: `/run/usbip`, or `USBIP_RUN` for tests.
pub fn run_directory() -> PathBuf {
    env::var_os("USBIP_RUN").map_or_else(|| "/run/usbip".into(), PathBuf::from)
}

/// A JSON file that readers see whole or not at all.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file of that name in the directory of the services.
    pub fn new(name: &str) -> Self {
        Self {
            path: run_directory().join(name),
        }
    }

    /// What an earlier run has left; `None` when there is nothing, or nothing of that form.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = fs::read_to_string(&self.path).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Replaces the content. A failure is told: the service goes on, but others see old news.
    pub fn write(&self, target: &'static str, content: &impl Serialize) {
        if let Err(error) = self.replace(content) {
            let path = self.path.display();
            warn!(target: target, "cannot write {path}: {error}");
        }
    }

    /// Removes the file.
    pub fn remove(&self) {
        // What is not there needs no removing.
        let _ = fs::remove_file(&self.path);
    }

    fn replace(&self, content: &impl Serialize) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)?;
        let mut draft = NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut draft, content)?;
        writeln!(draft)?;
        draft
            .as_file()
            .set_permissions(Permissions::from_mode(MODE))?;
        draft.persist(&self.path)?;
        Ok(())
    }
}
