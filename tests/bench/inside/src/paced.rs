// SPDX-License-Identifier: GPL-2.0

//! The transfers that wait at the isochronous endpoint of `bench serve`, which has the bus's time.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use usbip_protocol::{CmdSubmit, IsoDescriptor, Reply, RetSubmit};

const MICROFRAME: Duration = Duration::from_micros(125);

/// Transfers, each of which takes as many microframes as it has packets, one after the other. The
/// first after a gap begins with the next microframe: what comes too late has missed its time.
pub struct Paced {
    epoch: Instant,
    /// Until when there is something to do, in microframes.
    busy: u32,
    waiting: VecDeque<(Instant, CmdSubmit)>,
}

impl Paced {
    /// An endpoint that has nothing to do.
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
            busy: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Takes a transfer.
    pub fn push(&mut self, submit: CmdSubmit) {
        let now = self.epoch.elapsed().as_nanos() / MICROFRAME.as_nanos();
        self.busy = self.busy.max(now as u32 + 1) + submit.packets as u32;
        let end = self.epoch + MICROFRAME * self.busy;
        self.waiting.push_back((end, submit));
    }

    /// The time until the first transfer ends.
    pub fn pause(&self) -> Option<Duration> {
        let (end, _) = self.waiting.front()?;
        Some(end.saturating_duration_since(Instant::now()))
    }

    /// Answers the transfers that have ended.
    pub fn answer(&mut self, wire: &mut impl Write, pdu: &mut Vec<u8>) -> io::Result<()> {
        while let Some((end, submit)) = self.waiting.front() {
            if *end > Instant::now() {
                break;
            }
            pdu.clear();
            complete(submit, pdu);
            wire.write_all(pdu)?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Forgets a transfer that is cancelled; returns whether it was there.
    pub fn cancel(&mut self, seqnum: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(_, submit)| submit.seqnum != seqnum);
        self.waiting.len() < before
    }
}

/// A reply with packets that are all full.
fn complete(submit: &CmdSubmit, pdu: &mut Vec<u8>) {
    let reply = Reply::Submit(RetSubmit {
        seqnum: submit.seqnum,
        status: 0,
        actual_length: submit.length as i32,
        start_frame: 0,
        packets: submit.packets,
        error_count: 0,
    });
    pdu.extend(reply.encode());
    pdu.resize(pdu.len() + submit.length as usize, 0);
    let length = submit.length / submit.packets as u32;
    for packet in 0..submit.packets as u32 {
        let descriptor = IsoDescriptor {
            offset: packet * length,
            length,
            actual_length: length,
            status: 0,
        };
        pdu.extend(descriptor.encode());
    }
}
