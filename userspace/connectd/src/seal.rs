// SPDX-License-Identifier: GPL-2.0

//! A seal on the kernel's `detach` file: it tells a service that starts whether somebody has written
//! to the file while none was there to see.
//!
//! The file system keeps no time of writes to attributes, but one of truncations, and whoever writes
//! with `>` truncates. The service sets that time to one long past; [`usbip_sysfs::Vhci::detach`]
//! does not truncate and leaves it so.

use std::fs::{FileTimes, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of a file nobody has written to since it was sealed.
const SEALED: Duration = Duration::from_secs(1);

fn sealed() -> SystemTime {
    UNIX_EPOCH + SEALED
}

/// Seals the file. Returns its number, by which it is known from that of a driver loaded later.
///
/// # Errors
/// Those of opening it and setting its time.
pub fn seal(file: &Path) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).open(file)?;
    // With one of the two times alone inotify would tell of a write (`fsnotify_change`).
    let times = FileTimes::new().set_accessed(sealed());
    file.set_times(times.set_modified(sealed()))?;
    Ok(file.metadata()?.ino())
}

/// Whether the file of that number has been written to since it was sealed.
pub fn is_broken(file: &Path, number: u64) -> bool {
    let Ok(found) = file.metadata() else {
        return false;
    };
    found.ino() == number && found.modified().is_ok_and(|time| time != sealed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_write_breaks_it_and_another_file_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detach");
        fs::write(&path, "").unwrap();
        let number = seal(&path).unwrap();
        assert!(!is_broken(&path, number));
        fs::write(&path, "1").unwrap();
        assert!(is_broken(&path, number));
        assert!(!is_broken(&path, number + 1));
        assert_eq!(seal(&path).unwrap(), number);
        assert!(!is_broken(&path, number));
        fs::remove_file(&path).unwrap();
        assert!(!is_broken(&path, number));
    }
}
