// SPDX-License-Identifier: GPL-2.0

//! `bench crowd`: transfers with many devices at once, by a program that waits for all of them.
//!
//! A thread for each device would measure the scheduler, which takes longer to find the next of many.

use crate::pipe::{Completion, Pipe};
use crate::plan::Plan;
use crate::ready::Ready;
use crate::usbfs::Usbfs;
use crate::{report, window};
use rustix::event::epoll::EventFlags;
use std::io;

/// `LABEL in|out SIZE DEPTH COUNT`: what comes before the devices.
const WORDS: usize = 5;

/// Measures and reports; DEPTH and COUNT are those of each device.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let Some((&[label, ref plan @ ..], busids)) = arguments.split_first_chunk::<WORDS>() else {
        return Err(io::Error::other(
            "wanted: LABEL in|out SIZE DEPTH COUNT BUSID...",
        ));
    };
    let plan = Plan::parse(plan)?;
    let all = Plan {
        depth: plan.depth * busids.len(),
        count: plan.count * busids.len(),
        ..plan
    };
    let mut crowd = Crowd::open(busids, &plan)?;
    report::window(label, &window::run(&mut crowd, &all)?)
}

/// Devices, each with the same number of transfers.
struct Crowd {
    devices: Vec<Usbfs>,
    depth: usize,
    ready: Ready,
}

impl Crowd {
    fn open(busids: &[&str], plan: &Plan) -> io::Result<Self> {
        let mut crowd = Self {
            devices: Vec::new(),
            depth: plan.depth,
            ready: Ready::new()?,
        };
        for busid in busids {
            let device = Usbfs::open(busid, plan)?;
            crowd
                .ready
                .add(&device, crowd.devices.len(), EventFlags::OUT)?;
            crowd.devices.push(device);
        }
        Ok(crowd)
    }
}

impl Pipe for Crowd {
    fn submit(&mut self, slot: usize) -> io::Result<()> {
        self.devices[slot / self.depth].submit(slot % self.depth)
    }

    fn complete(&mut self) -> io::Result<Completion> {
        let device = self.ready.wait()?;
        let completion = self.devices[device].complete()?;
        Ok(Completion {
            slot: device * self.depth + completion.slot,
            ..completion
        })
    }
}
