// SPDX-License-Identifier: GPL-2.0

//! Records of what is attached where (`/var/run/vhci_hcd/port%d`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use usbip_sysfs::Port;

/// Directory of the records, `VHCI_STATE_PATH`.
const DIRECTORY: &str = "/var/run/vhci_hcd";

/// Longest record believed, in bytes: host name, port and bus id at their limits fit well.
const MAX_LEN: u64 = 4096;

/// Mode of directory and files, as in C.
const MODE: u32 = 0o700;

/// The remote end of an attached port, as the user typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: String,
    /// Bus id on that host.
    pub busid: String,
}

/// Why a record cannot be shown.
#[derive(Debug)]
pub enum RecordError {
    /// The file cannot be opened.
    Open,
    /// The file is empty or cannot be read.
    Empty,
    /// The line does not have its three parts.
    Malformed,
}

/// Tells one record from a later one for the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

/// The directory of records.
#[derive(Clone, Debug)]
pub struct Records {
    directory: PathBuf,
}

impl Records {
    /// Records in `directory`, by default where usbip-utils keeps them.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self {
            directory: directory.unwrap_or_else(|| DIRECTORY.into()),
        }
    }

    /// Where they are; gone while there are none.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a record. Readers see the whole line or no file at all.
    ///
    /// # Errors
    /// Those of creating the directory and the file.
    pub fn write(&self, port: Port, remote: &Remote) -> io::Result<()> {
        self.create_directory()?;
        let draft = self
            .directory
            .join(format!(".port{port}.{}", std::process::id()));
        let result = write_new(&draft, remote).and_then(|()| fs::rename(&draft, self.path(port)));
        if result.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&draft);
        }
        result
    }

    /// Reads the record of a port.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn read(&self, port: Port) -> Result<Remote, RecordError> {
        let file = File::open(self.path(port)).map_err(|_| RecordError::Open)?;
        let mut text = String::new();
        match file.take(MAX_LEN).read_to_string(&mut text) {
            Ok(count) if count > 0 => Remote::parse(&text).ok_or(RecordError::Malformed),
            _ => Err(RecordError::Empty),
        }
    }

    /// Identity of the present record, for [`Self::remove`].
    pub fn stamp(&self, port: Port) -> Option<Stamp> {
        let file = fs::symlink_metadata(self.path(port)).ok()?;
        Some(Stamp {
            inode: file.ino(),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    /// Removes the record seen as `stamp`, but not one written since, and the directory when it
    /// was the last. Failures leave a stale record behind, which harms nobody.
    pub fn remove(&self, port: Port, stamp: Option<Stamp>) {
        if stamp.is_some() && stamp == self.stamp(port) {
            let _ = fs::remove_file(self.path(port));
        }
        let _ = fs::remove_dir(&self.directory);
    }

    fn path(&self, port: Port) -> PathBuf {
        self.directory.join(format!("port{port}"))
    }

    fn create_directory(&self) -> io::Result<()> {
        match DirBuilder::new().mode(MODE).create(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Err(error) if !self.directory.is_dir() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Remote {
    /// Splits a record: three words, two single blanks, a newline.
    fn parse(text: &str) -> Option<Self> {
        let (line, _rest) = text.split_once('\n')?;
        let mut words = line.split(' ').map(str::to_owned);
        let remote = Self {
            host: words.next()?,
            port: words.next()?,
            busid: words.next()?,
        };
        let complete = ![&remote.host, &remote.port, &remote.busid]
            .iter()
            .any(|word| word.is_empty());
        (complete && words.next().is_none()).then_some(remote)
    }
}

fn write_new(path: &Path, remote: &Remote) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(path)?;
    let Remote { host, port, busid } = remote;
    file.write_all(format!("{host} {port} {busid}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(host: &str) -> Remote {
        Remote {
            host: host.to_owned(),
            port: "3240".to_owned(),
            busid: "1-2".to_owned(),
        }
    }

    #[test]
    fn long_records_survive() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Some(dir.path().join("vhci_hcd")));
        let long = remote(&"h".repeat(250));
        records.write(Port(300), &long).unwrap();
        assert_eq!(records.read(Port(300)).unwrap(), long);
        let mode = fs::metadata(records.path(Port(300))).unwrap().mode();
        assert_eq!(mode & 0o7077, 0);
    }

    #[test]
    fn newer_record_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Some(dir.path().join("vhci_hcd")));
        records.write(Port(0), &remote("old")).unwrap();
        let stamp = records.stamp(Port(0));
        let _keep_inode = File::open(records.path(Port(0))).unwrap();
        records.write(Port(0), &remote("new")).unwrap();
        records.remove(Port(0), stamp);
        assert_eq!(records.read(Port(0)).unwrap(), remote("new"));
        records.remove(Port(0), records.stamp(Port(0)));
        assert!(!records.directory.exists());
    }

    #[test]
    fn damaged_records_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Some(dir.path().to_owned()));
        let read = |text: &str| {
            fs::write(records.path(Port(1)), text).unwrap();
            records.read(Port(1)).unwrap_err()
        };
        assert!(matches!(records.read(Port(1)), Err(RecordError::Open)));
        assert!(matches!(read(""), RecordError::Empty));
        for text in ["h 3240 1-2", "h 3240\n", "h  1-2\n", "h 3240 1-2 x\n"] {
            assert!(matches!(read(text), RecordError::Malformed), "{text:?}");
        }
    }
}
