// SPDX-License-Identifier: GPL-2.0

//! How far a wanted device is.

use std::time::{Duration, Instant};

use usbip_sysfs::{DevId, Port};

use crate::ports::Recorded;

/// Time `usbip detach` has, after a port became free, to remove the record that says it was taken.
pub const DETACH_GRACE: Duration = Duration::from_secs(1);

/// Longest time from a write to the kernel's `detach` file until its port is seen to be free.
pub const TEARDOWN: Duration = Duration::from_secs(5);

/// Time after an event until its port is looked at once more: the C driver frees a port a moment
/// after the device on it is gone.
pub const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Time after which a port without a device is looked at again: the C driver tells nothing of one
/// that never gets as far as a device.
pub const ENUMERATION: Duration = Duration::from_secs(5);

/// Where an attachment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Local port.
    pub port: Port,
    /// The server's number of the device.
    pub devid: DevId,
    /// Bus id on the server.
    pub busid: String,
    /// When it came about, or was found.
    pub since: Instant,
}

/// The phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is attached.
    Attached {
        /// Where.
        attachment: Attachment,
        /// When to look at its port again.
        look: Option<Instant>,
        /// Why it stays so although the machine wants to sleep.
        held: Option<String>,
    },
    /// Its port has become free; soon it is known why.
    Gone {
        /// Where it was.
        attachment: Attachment,
        /// What its record said then.
        recorded: Recorded,
        /// When to find out.
        judge: Instant,
    },
    /// It is not there.
    Waiting {
        /// Why, in words.
        reason: String,
        /// When to try; `None` when only an event can help.
        next: Option<Instant>,
    },
    /// It is not there because the machine sleeps.
    Asleep,
    /// The user has detached it.
    Detached,
}

impl Phase {
    /// When something is to be done although nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Attached { look, .. } => *look,
            Self::Gone { judge, .. } => Some(*judge),
            Self::Waiting { next, .. } => *next,
            Self::Asleep | Self::Detached => None,
        }
    }

    /// Name in the state file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Attached { .. } => "attached",
            Self::Gone { .. } | Self::Waiting { .. } => "waiting",
            Self::Asleep => "asleep",
            Self::Detached => "detached",
        }
    }
}
