// SPDX-License-Identifier: GPL-2.0

//! The transfers that wait at an isochronous endpoint, and when their time has come.

use crate::wire::Submit;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One endpoint's transfers, carried out in order: a transfer begins when the one before it has
/// ended, or when it comes if there is none, and takes as long as its packets do on the bus.
///
/// What a device has to say waits for the transfer that takes it: a late client only slows it down.
pub struct Queue {
    frame: Duration,
    waiting: VecDeque<(Instant, Submit)>,
    free_from: Option<Instant>,
}

impl Queue {
    /// An endpoint of a device whose frames or microframes are this long.
    pub fn new(frame: Duration) -> Self {
        Self {
            frame,
            waiting: VecDeque::new(),
            free_from: None,
        }
    }

    /// Adds a transfer that comes now.
    pub fn push(&mut self, submit: Submit) {
        self.waiting.push_back((Instant::now(), submit));
    }

    /// When the first transfer ends.
    pub fn due(&self) -> Option<Instant> {
        let (came, submit) = self.waiting.front()?;
        let frames = submit.packets.len() as u32 * submit.header.interval.max(1) as u32;
        Some(self.start(*came) + self.frame * frames)
    }

    /// Takes the first transfer, and when it began, if it has ended by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<(Instant, Submit)> {
        let end = self.due().filter(|due| *due <= now)?;
        let (came, submit) = self.waiting.pop_front()?;
        let start = self.start(came);
        self.free_from = Some(end);
        Some((start, submit))
    }

    /// Takes out a transfer that is cancelled; returns whether it was there.
    pub fn cancel(&mut self, seqnum: u32) -> bool {
        let count = self.waiting.len();
        self.waiting
            .retain(|(_, submit)| submit.header.seqnum != seqnum);
        self.waiting.len() < count
    }

    fn start(&self, came: Instant) -> Instant {
        self.free_from.map_or(came, |free| free.max(came))
    }
}
