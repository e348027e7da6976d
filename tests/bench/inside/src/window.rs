// SPDX-License-Identifier: GPL-2.0

//! The measurement: transfers at a constant depth, between two markers.

use crate::counters::Counters;
use crate::marker;
use crate::pipe::Pipe;
use crate::plan::Plan;
use std::io;
use std::time::{Duration, Instant};

/// What was measured.
#[derive(Debug)]
pub struct Window {
    /// From the first marker to the second.
    pub elapsed: Duration,
    /// Bytes transferred.
    pub bytes: usize,
    /// Transfers that failed.
    pub failed: usize,
    /// The time each transfer took, from submission to the return from waiting.
    pub latencies: Vec<Duration>,
    /// When each was over, after the first marker.
    pub ends: Vec<Duration>,
    /// What the whole system did for a number of transfers, inside and outside of the markers.
    pub counters: Counters,
    /// That number.
    pub counted: usize,
}

/// The transfers that are measured, as they end.
struct Tally {
    bytes: usize,
    failed: usize,
    latencies: Vec<Duration>,
    ends: Vec<Instant>,
}

/// Carries out a plan.
pub fn run(pipe: &mut impl Pipe, plan: &Plan) -> io::Result<Window> {
    let (warm, last) = (plan.warm(), plan.warm() + plan.count);
    let mut tally = Tally::new(plan.count);
    let before = Counters::read()?;
    let mut started = vec![Instant::now(); plan.depth];
    for (slot, start) in started.iter_mut().enumerate() {
        *start = Instant::now();
        pipe.submit(slot)?;
    }
    let (mut begin, mut end) = (Instant::now(), Instant::now());
    for ended in 1..=plan.all() {
        let completion = pipe.complete()?;
        let now = Instant::now();
        if ended > warm && ended <= last {
            tally.latencies.push(now - started[completion.slot]);
            tally.ends.push(now);
            tally.bytes += completion.bytes;
            tally.failed += usize::from(completion.failed);
        }
        if ended == warm {
            begin = Instant::now();
            marker::start();
        }
        if ended == last {
            end = Instant::now();
            marker::end();
        }
        if ended + plan.depth <= plan.all() {
            started[completion.slot] = Instant::now();
            pipe.submit(completion.slot)?;
        }
    }
    let counters = Counters::read()?.since(&before);
    Ok(tally.close(begin, end, counters, plan.all()))
}

impl Tally {
    /// Room for everything, so that counting allocates nothing.
    fn new(count: usize) -> Self {
        Self {
            bytes: 0,
            failed: 0,
            latencies: Vec::with_capacity(count),
            ends: Vec::with_capacity(count),
        }
    }

    fn close(self, begin: Instant, end: Instant, counters: Counters, counted: usize) -> Window {
        Window {
            elapsed: end - begin,
            bytes: self.bytes,
            failed: self.failed,
            latencies: self.latencies,
            ends: self.ends.iter().map(|end| *end - begin).collect(),
            counters,
            counted,
        }
    }
}
