// SPDX-License-Identifier: GPL-2.0

//! What the kernel says while a check runs.

use rustix::fs::{seek, OFlags, SeekFrom};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

/// The level of an error, `KERN_ERR`; what is worse is lower.
const ERROR: u32 = 3;

/// The kernel's log from some point on.
pub struct Log(File);

impl Log {
    /// What is said from now on.
    pub fn from_now() -> io::Result<Self> {
        let flags = OFlags::NONBLOCK.bits();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags).unwrap_or_default())
            .open("/dev/kmsg")?;
        seek(&file, SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// The errors that name a device, without its name.
    pub fn errors(mut self, device: &str) -> io::Result<Vec<String>> {
        let mut errors = Vec::new();
        let mut record = [0; 8192];
        loop {
            let length = match self.0.read(&mut record) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(errors),
                Err(error) => return Err(error),
            };
            let text = String::from_utf8_lossy(&record[..length]);
            let Some((prefix, message)) = text.lines().next().and_then(|line| line.split_once(';'))
            else {
                continue;
            };
            let number = prefix.split(',').next().and_then(|word| word.parse().ok());
            let is_error = number.is_some_and(|number: u32| number & 7 <= ERROR);
            if let (true, Some((_, said))) = (is_error, message.split_once(&format!("{device}: ")))
            {
                errors.push(said.to_owned());
            }
        }
    }
}
