// SPDX-License-Identifier: GPL-2.0

//! What an exported device is up to, and the replies that wait to be sent.

use super::{
    job::Job,
    special::Specials, //
};
use kernel::list::{
    List,
    ListArc, //
};
use usbip::usb::transfer::Transfer;

/// What a device is up to; the numbers are those of `include/uapi/linux/usbip.h`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for a client.
    Available,
    /// Has a client.
    Used,
    /// Its client is gone; the device is being reset.
    Ending,
    /// Could not be reset.
    Error,
    /// Is bound to us no more.
    Removed,
}

/// What waits to be sent.
pub(crate) struct Outbox {
    pub(super) state: State,
    pub(super) urgent: List<Transfer<Job>>,
    pub(super) jobs: List<Transfer<Job>>,
    pub(super) sender_waits: bool,
    pub(crate) specials: Specials,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            state: State::Available,
            urgent: List::new(),
            jobs: List::new(),
            sender_waits: false,
            specials: Specials::new(),
        }
    }

    /// Whether there is a client.
    pub(crate) fn is_used(&self) -> bool {
        self.state == State::Used
    }

    /// Whether transfers can be started without regard to special requests.
    pub(crate) fn takes_transfers(&self) -> bool {
        self.is_used() && !self.specials.is_busy()
    }

    /// Takes the next reply to send.
    pub(crate) fn next_job(&mut self) -> Option<ListArc<Transfer<Job>>> {
        self.urgent.pop_front().or_else(|| self.jobs.pop_front())
    }
}
