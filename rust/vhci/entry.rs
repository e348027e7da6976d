// SPDX-License-Identifier: GPL-2.0

//! What a port knows of a URB, or of a request of its own.

use super::early::EarlyReply;
use kernel::prelude::*;
use usbip::usb::linked::LinkedUrb;

/// How far the cancelling of a URB has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlink {
    /// Nobody asked.
    No,
    /// The request is still to be sent.
    Wanted,
    /// The request has been sent, with this seqnum.
    Sent(u64),
}

/// Where the token of a URB is, and what it waits for.
pub(super) enum Phase {
    /// Waits for its turn to be sent.
    Queued(LinkedUrb),
    /// The sender has the URB.
    Sending,
    /// The sender has the URB, and the reply has come already.
    Replied(KBox<EarlyReply>),
    /// Waits for its reply.
    Sent(LinkedUrb),
    /// Not a URB: a request to reset the device, which waits for its reply.
    Reset,
    /// Not a URB: a CMD_UNLINK that waits for its reply, and the seqnum it is to cancel.
    Unlink(u64),
}

/// A URB, or a request to cancel one.
pub(crate) struct Entry {
    pub(super) phase: Phase,
    pub(super) unlink: Unlink,
    /// Whether packets follow its reply.
    pub(super) is_iso: bool,
}

impl Entry {
    pub(super) fn new(phase: Phase) -> Self {
        let is_iso = matches!(&phase, Phase::Queued(urb) if urb.is_iso());
        Self {
            phase,
            unlink: Unlink::No,
            is_iso,
        }
    }

    /// The URB, unless there is none, or the sender has it.
    pub(super) fn into_urb(self) -> Option<LinkedUrb> {
        match self.phase {
            Phase::Queued(urb) | Phase::Sent(urb) => Some(urb),
            Phase::Sending | Phase::Replied(_) | Phase::Reset | Phase::Unlink(_) => None,
        }
    }
}
