// SPDX-License-Identifier: GPL-2.0

//! What the sender of a port is to do next.

use super::{
    Pending,
    Reservation, //
};
use crate::entry::{
    Phase,
    Unlink, //
};
use usbip::{
    protocol::{
        CmdSubmit,
        Direction, //
    },
    usb::linked::LinkedUrb, //
};

/// What the sender is to do next.
pub(crate) enum Job {
    /// Send a CMD_SUBMIT; with the URB, if that is needed for it.
    Submit(u64, CmdSubmit, Option<LinkedUrb>),
    /// Send a request to reset the device.
    Reset(u64),
    /// Send a CMD_UNLINK with the first seqnum for the second.
    Unlink(u64, u64),
}

impl Pending {
    /// Takes the next job: requests, then cancellations, which must never overtake what they cancel,
    /// then a reset. `node` is used, and `new_seqnum` called, for the last two. Requests are for the
    /// device `devid`.
    pub(crate) fn next_job(
        &mut self,
        devid: u32,
        node: &mut Option<Reservation>,
        new_seqnum: impl Fn() -> u64,
    ) -> Option<Job> {
        self.take_queued(devid)
            .or_else(|| self.take_unlink(node, &new_seqnum))
            .or_else(|| self.take_reset(node, &new_seqnum))
    }

    fn take_reset(
        &mut self,
        node: &mut Option<Reservation>,
        new_seqnum: impl Fn() -> u64,
    ) -> Option<Job> {
        let node = if self.reset {
            node.take()?
        } else {
            return None;
        };
        self.reset = false;
        let seqnum = new_seqnum();
        self.insert(seqnum, Phase::Reset, node);
        Some(Job::Reset(seqnum))
    }

    fn take_queued(&mut self, devid: u32) -> Option<Job> {
        let mut cursor = self.entries.cursor_lower_bound_mut(&self.next);
        while let Some(mut current) = cursor {
            let (seqnum, entry) = current.current_mut();
            let seqnum = *seqnum;
            self.next = seqnum + 1;
            match core::mem::replace(&mut entry.phase, Phase::Sending) {
                Phase::Queued(urb) => {
                    let cmd = urb.request(seqnum as u32, devid);
                    if cmd.direction == Direction::Out || urb.is_iso() {
                        return Some(Job::Submit(seqnum, cmd, Some(urb)));
                    }
                    // The reply may come before the send returns, and its data needs the URB.
                    entry.phase = Phase::Sent(urb);
                    return Some(Job::Submit(seqnum, cmd, None));
                }
                phase => entry.phase = phase,
            }
            cursor = current.move_next();
        }
        None
    }

    fn take_unlink(
        &mut self,
        node: &mut Option<Reservation>,
        new_seqnum: impl Fn() -> u64,
    ) -> Option<Job> {
        if self.unlinks == 0 {
            return None;
        }
        let victim = self.find(|entry| entry.unlink == Unlink::Wanted)?;
        let node = node.take()?;
        let seqnum = new_seqnum();
        self.entries.get_mut(&victim)?.unlink = Unlink::Sent(seqnum);
        self.unlinks -= 1;
        self.insert(seqnum, Phase::Unlink(victim), node);
        Some(Job::Unlink(seqnum, victim))
    }
}
