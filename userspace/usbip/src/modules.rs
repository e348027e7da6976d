// SPDX-License-Identifier: GPL-2.0

//! Loading kernel modules.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use log::debug;
use usbip_logger::Reason;

use crate::report::USBIP;

/// Where the kernel says its module loader is.
const KERNELS_OWN: &str = "/proc/sys/kernel/modprobe";

/// Where it is if the kernel says nothing.
const DEFAULT: &str = "/sbin/modprobe";

/// The program that loads modules.
#[derive(Debug)]
pub struct Loader {
    program: PathBuf,
}

impl Loader {
    /// `program`, or the one the kernel uses itself.
    pub fn new(program: Option<PathBuf>) -> Self {
        Self {
            program: program.unwrap_or_else(kernels_own),
        }
    }

    /// Loads a module and what it needs.
    ///
    /// # Errors
    /// What the program said, or why it could not be run.
    pub fn load(&self, module: &str) -> Result<(), String> {
        debug!(target: USBIP, "loading {module}");
        let mut command = Command::new(&self.program);
        let ran = command.arg(module).stdin(Stdio::null()).output();
        let ran = ran.map_err(|error| format!("{}: {}", self.program.display(), Reason(&error)))?;
        if ran.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        match said.lines().next() {
            Some(line) => Err(line.trim().to_owned()),
            None => Err(format!("{}: {}", self.program.display(), ran.status)),
        }
    }
}

fn kernels_own() -> PathBuf {
    let place = fs::read_to_string(KERNELS_OWN).unwrap_or_default();
    match place.trim() {
        "" => DEFAULT.into(),
        place => place.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_why() {
        let load = |program: &str| Loader::new(Some(program.into())).load("vhci_hcd");
        assert_eq!(load("/bin/true"), Ok(()));
        assert!(load("/bin/false").unwrap_err().contains("exit status: 1"));
        assert!(load("/nonexistent").unwrap_err().contains("/nonexistent"));
    }
}
