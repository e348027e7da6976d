// SPDX-License-Identifier: GPL-2.0

//! What the user can do about a failure; C leaves that to guessing.

use std::io;

use log::info;

use crate::report::USBIP;

/// Names the command that loads a missing module.
pub fn load_module(module: &str) {
    info!(target: USBIP, "the kernel module is not loaded: run \"modprobe {module}\" as root");
}

/// Tells a lack of privilege from other failures; says nothing about those.
pub fn privilege(error: &io::Error) {
    if error.kind() == io::ErrorKind::PermissionDenied {
        info!(target: USBIP, "permission denied: run this command as root");
    }
}
