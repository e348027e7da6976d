// SPDX-License-Identifier: GPL-2.0

//! `bench strain`: transfers that keep a device busy while another one is measured.

use crate::pipe::Pipe;
use crate::plan::Plan;
use crate::usbfs::Usbfs;
use std::io;

/// Goes on until it is killed, or the device is gone. There are no markers: they are for what is measured.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [busid, action, size, depth] = arguments else {
        return Err(io::Error::other("wanted: BUSID in|out SIZE DEPTH"));
    };
    let plan = Plan::parse(&[action, size, depth, "1"])?;
    let mut pipe = Usbfs::open(busid, &plan)?;
    for slot in 0..plan.depth {
        pipe.submit(slot)?;
    }
    loop {
        let completion = pipe.complete()?;
        if completion.failed {
            return Err(io::Error::other("a transfer failed"));
        }
        pipe.submit(completion.slot)?;
    }
}
