// SPDX-License-Identifier: GPL-2.0

//! One service at a time: two would take ports from each other and overwrite each other's state.

use std::fs::{self, File};
use std::io;

use rustix::fs::{flock, FlockOperation};
use usbip_service::run_directory;

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
        let lock = File::create(directory.join("connectd.lock"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
