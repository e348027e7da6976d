// SPDX-License-Identifier: GPL-2.0

//! Failures the user has been told of.

use std::fmt::Display;
use std::io;

use log::error;
use usbip_logger::Reason;

/// Log target of this tool: the program name in front of its messages.
pub const USBIP: &str = "usbip";

/// Log target for messages that come from the library in C.
pub const LIBUSBIP: &str = "libusbip";

/// Marks a failure whose message is out already; only the exit code is left to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported;

/// Prints an error line and marks the failure as told.
pub fn fail(text: impl Display) -> Reported {
    error!(target: USBIP, "{text}");
    Reported
}

impl From<io::Error> for Reported {
    /// A failure to write standard output; a reader that went away needs no message.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self,
            _ => fail(format_args!("standard output: {}", Reason(&error))),
        }
    }
}
