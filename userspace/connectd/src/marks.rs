// SPDX-License-Identifier: GPL-2.0

//! Marks of devices the user has detached: files `/run/usbip/detached/NAME`. They end with the
//! boot; removing one has the service attach the device again. One more says that the machine is
//! about to sleep.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use log::{info, warn};
use rustix::fs::inotify;
use usbip_service::run_directory;

use crate::config::is_name;
use crate::{fail, Reported, CONNECTD};

/// Mark of a machine that sleeps; no name of a device begins with a dot.
const ASLEEP: &str = ".asleep";

/// The directory of marks, watched for removals.
#[derive(Debug)]
pub struct Marks {
    directory: PathBuf,
    changes: OwnedFd,
}

impl Marks {
    /// Opens the directory.
    ///
    /// # Errors
    /// Those of creating the directory and watching it.
    pub fn open() -> io::Result<Self> {
        let directory = directory();
        fs::create_dir_all(&directory)?;
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let events = inotify::init(flags)?;
        let changes = inotify::WatchFlags::CREATE | inotify::WatchFlags::DELETE;
        inotify::add_watch(&events, &directory, changes)?;
        Ok(Self {
            directory,
            changes: events,
        })
    }

    /// Whether the user has detached that device.
    pub fn has(&self, name: &str) -> bool {
        self.directory.join(name).exists()
    }

    /// Whether the machine is about to sleep.
    pub fn is_asleep(&self) -> bool {
        self.has(ASLEEP)
    }

    /// Marks a device as detached.
    pub fn set(&self, name: &str) {
        let path = self.directory.join(name);
        if let Err(error) = File::create(&path) {
            let path = path.display();
            warn!(target: CONNECTD, "{path}: {error}; after a restart the device is attached again");
        }
    }

    /// Removes a mark.
    pub fn clear(&self, name: &str) {
        // Mostly there is none.
        let _ = fs::remove_file(self.directory.join(name));
    }

    /// Forgets the removals so far.
    pub fn drain(&self) {
        let mut buffer = [0; 4096];
        while rustix::io::read(&self.changes, &mut buffer).is_ok_and(|count| count > 0) {}
    }
}

impl AsFd for Marks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

/// `usbip-connectd --resume`.
///
/// # Errors
/// When there is no such mark, or no device can be called that; told.
pub fn resume(name: &str) -> Result<(), Reported> {
    if !is_name(name) {
        return Err(fail(format_args!(
            "\"{name}\" is no name of a wanted device"
        )));
    }
    match fs::remove_file(directory().join(name)) {
        Ok(()) => {
            info!(target: CONNECTD, "{name} will be attached again");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let entries = fs::read_dir(directory()).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let names: Vec<_> = names.filter(|name| name != ASLEEP).collect();
            Err(fail(match names.is_empty() {
                true => format!("{name} is not detached; no wanted device is"),
                false => format!("{name} is not detached; these are: {}", names.join(", ")),
            }))
        }
        Err(error) => Err(fail(format_args!("cannot resume {name}: {error}"))),
    }
}

/// Marks that the machine is about to sleep.
///
/// # Errors
/// Those of making the file; told.
pub fn fall_asleep() -> Result<(), Reported> {
    let made = File::create(directory().join(ASLEEP));
    made.map_err(|error| fail(format_args!("cannot tell the service: {error}")))?;
    Ok(())
}

/// Marks that the machine is awake; it may have been all the time.
///
/// # Errors
/// Those of removing the file; told.
pub fn wake() -> Result<(), Reported> {
    match fs::remove_file(directory().join(ASLEEP)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(fail(format_args!("cannot tell the service: {error}")))
        }
        _ => Ok(()),
    }
}

fn directory() -> PathBuf {
    run_directory().join("detached")
}
