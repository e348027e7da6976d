// SPDX-License-Identifier: GPL-2.0

//! The pid file.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::process;

use log::{debug, error};
use usbip_logger::Reason;

use crate::USBIPD;

/// Everybody may read the file, only root may change it.
const MODE: u32 = 0o644;

/// A pid file on disk; removed when dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

/// The path as meant where the daemon was started, which is not where it will run.
pub fn resolve(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl PidFile {
    /// Writes the file. A failure is told and the daemon goes on without, as in C.
    pub fn create(path: &Path) -> Option<Self> {
        debug!(target: USBIPD, "creating pid file {}", path.display());
        match write(path) {
            Ok(()) => Some(Self {
                path: path.to_owned(),
            }),
            Err(error) => {
                let number = error.raw_os_error().unwrap_or_default();
                let (path, reason) = (path.display(), Reason(&error));
                error!(target: USBIPD, "pid_file: {path}: {number} ({reason})");
                None
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        debug!(target: USBIPD, "removing pid file {}", self.path.display());
        // Somebody else removed it: that is what was wanted.
        let _ = fs::remove_file(&self.path);
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(MODE);
    let mut file = options.open(path)?;
    // A file left by another version may be open to everybody, and the umask is not ours.
    file.set_permissions(Permissions::from_mode(MODE))?;
    writeln!(file, "{}", process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_0644_even_if_it_was_not_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("usbipd.pid");
        fs::write(&path, "old content that is longer\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        let file = PidFile::create(&path).unwrap();
        let content = fs::read_to_string(&path).unwrap();
        assert_eq!(content, format!("{}\n", process::id()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn relative_path_is_resolved_at_start() {
        assert!(resolve(Path::new("run/usbipd.pid")).is_absolute());
    }
}
