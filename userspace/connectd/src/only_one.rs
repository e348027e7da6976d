// SPDX-License-Identifier: GPL-2.0

//! One service at a time: two would take ports from each other and overwrite each other's state.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use rustix::fs::{flock, FlockOperation};
use usbip_service::run_directory;

/// Whoever can open the file, if only to read it, can hold the lock and keep the service from starting.
const MODE: u32 = 0o600;

/// The right to run; the kernel takes it back when the process ends.
#[derive(Debug)]
pub struct OnlyOne {
    _lock: File,
}

impl OnlyOne {
    /// Takes it; `None` when another service has it.
    ///
    /// # Errors
    /// Those of making the file `/run/usbip/connectd.lock`.
    pub fn take() -> io::Result<Option<Self>> {
        let directory = run_directory();
        fs::create_dir_all(&directory)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(MODE);
        let lock = options.open(directory.join("connectd.lock"))?;
        // A file that is there already keeps the mode it has.
        lock.set_permissions(Permissions::from_mode(MODE))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
