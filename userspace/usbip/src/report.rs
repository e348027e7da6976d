// SPDX-License-Identifier: GPL-2.0

//! Failures the user has been told of.

use std::fmt::Display;
use std::io;

use log::{error, info};
use usbip_logger::Reason;

use crate::cause::Cause;
use crate::list::printable;

/// Log target of this tool: the program name in front of its messages.
pub const USBIP: &str = "usbip";

/// Log target for messages that come from the library in C.
pub const LIBUSBIP: &str = "libusbip";

/// A failure whose message is out already; what is left is the exit code, and the answer to
/// `--json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The line of C.
    pub message: String,
    /// Why it happened, if that is known.
    pub cause: Option<Cause>,
}

/// Prints an error line and marks the failure as told.
pub fn fail(text: impl Display) -> Reported {
    error!(target: USBIP, "{text}");
    Reported {
        message: text.to_string().trim_end().to_owned(),
        cause: None,
    }
}

impl Reported {
    /// A failure that has shown itself: a help text, or a reader that went away.
    pub fn silent() -> Self {
        Self {
            message: String::new(),
            cause: None,
        }
    }

    /// Adds what C leaves to guessing: the cause, and what to do about it.
    #[must_use]
    pub fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    /// Prints the cause; to be called when all lines of C are out.
    pub fn tell_cause(&self) {
        if let Some(cause) = &self.cause {
            // Names of programs and mount points may hold anything.
            info!(target: USBIP, "{}", printable(cause.to_string().as_bytes()));
        }
    }

    /// Prints another line of C that follows from the same cause.
    #[must_use]
    pub fn then(self, text: impl Display) -> Self {
        let Self { message, .. } = fail(text);
        Self { message, ..self }
    }
}

impl From<io::Error> for Reported {
    /// A failure to write standard output; a reader that went away needs no message.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::silent(),
            _ => fail(format_args!("standard output: {}", Reason(&error))),
        }
    }
}
