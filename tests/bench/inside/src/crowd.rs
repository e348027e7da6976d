// SPDX-License-Identifier: GPL-2.0

//! `bench crowd`: transfers with many devices at once, each with a thread of its own.

use crate::counters::Counters;
use crate::pipe::Pipe;
use crate::plan::Plan;
use crate::sysfs::Device;
use crate::usbfs::Usbfs;
use crate::window::Window;
use crate::{marker, report};
use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// `LABEL in|out SIZE DEPTH COUNT`: what comes before the devices.
const WORDS: usize = 5;

/// What one device has done between the markers.
#[derive(Default)]
struct Share {
    bytes: usize,
    failed: usize,
    latencies: Vec<Duration>,
    ends: Vec<Instant>,
}

/// Measures and reports; COUNT is that of each device.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let Some((&[label, ref plan @ ..], busids)) = arguments.split_first_chunk::<WORDS>() else {
        return Err(io::Error::other(
            "wanted: LABEL in|out SIZE DEPTH COUNT BUSID...",
        ));
    };
    report::window(label, &measure(busids, &Plan::parse(plan)?)?)
}

fn open(busid: &str, plan: &Plan) -> io::Result<Usbfs> {
    let device = Device(busid.to_owned());
    let endpoint = device.endpoint(plan.kind, plan.direction)?;
    Usbfs::open(&device.node()?, endpoint, plan)
}

fn measure(busids: &[&str], plan: &Plan) -> io::Result<Window> {
    // All devices have settled, the measurement begins, all of them are done.
    let [settled, begun, done] = [(); 3].map(|()| Barrier::new(busids.len() + 1));
    thread::scope(|scope| {
        let barriers = [&settled, &begun, &done];
        let work = |busid| scope.spawn(move || transfer(busid, plan, barriers));
        let threads: Vec<_> = busids.iter().copied().map(work).collect();
        settled.wait();
        let before = Counters::read()?;
        let begin = Instant::now();
        marker::start();
        begun.wait();
        done.wait();
        let end = Instant::now();
        marker::end();
        let counters = Counters::read()?.since(&before);
        let mut all = Share::default();
        for thread in threads {
            let share = thread
                .join()
                .map_err(|_| io::Error::other("a thread panicked"))??;
            all.add(share);
        }
        Ok(all.close(begin, end, counters))
    })
}

/// One device's transfers. What fails is reported after the last barrier, for the others wait there.
fn transfer(busid: &str, plan: &Plan, barriers: [&Barrier; 3]) -> io::Result<Share> {
    let [settled, begun, done] = barriers;
    let mut started = vec![Instant::now(); plan.depth];
    let warm = settle(busid, plan, &mut started);
    settled.wait();
    begun.wait();
    let share = warm.and_then(|mut pipe| {
        let share = rounds(&mut pipe, plan.count, &mut started)?;
        Ok((pipe, share))
    });
    done.wait();
    let (mut pipe, share) = share?;
    (0..plan.depth).try_for_each(|_| pipe.complete().map(drop))?;
    Ok(share)
}

/// Starts a device's transfers.
fn settle(busid: &str, plan: &Plan, started: &mut [Instant]) -> io::Result<Usbfs> {
    let mut pipe = open(busid, plan)?;
    (0..plan.depth).try_for_each(|slot| pipe.submit(slot))?;
    rounds(&mut pipe, plan.warm(), started)?;
    Ok(pipe)
}

/// Waits for so many transfers, and starts each of them again.
fn rounds(pipe: &mut Usbfs, count: usize, started: &mut [Instant]) -> io::Result<Share> {
    let mut share = Share::default();
    for _ in 0..count {
        let completion = pipe.complete()?;
        let now = Instant::now();
        share.latencies.push(now - started[completion.slot]);
        share.ends.push(now);
        share.bytes += completion.bytes;
        share.failed += usize::from(completion.failed);
        started[completion.slot] = Instant::now();
        pipe.submit(completion.slot)?;
    }
    Ok(share)
}

impl Share {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.failed += other.failed;
        self.latencies.extend(other.latencies);
        self.ends.extend(other.ends);
    }

    fn close(mut self, begin: Instant, end: Instant, counters: Counters) -> Window {
        self.ends.sort_unstable();
        Window {
            elapsed: end - begin,
            bytes: self.bytes,
            failed: self.failed,
            counted: self.latencies.len(),
            latencies: self.latencies,
            ends: self.ends.iter().map(|end| *end - begin).collect(),
            counters,
        }
    }
}
