// SPDX-License-Identifier: GPL-2.0

//! `bench strain`: transfers that keep a device busy while another one is measured.

use crate::pipe::Pipe;
use crate::plan::Plan;
use crate::usbfs::Usbfs;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Goes on until SIGTERM, or the device is gone. There are no markers: they are for what is measured.
///
/// What is under way at the end is waited for: where a reply crosses its cancellation, C's vhci ends the connection.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [busid, action, size, depth] = arguments else {
        return Err(io::Error::other("wanted: BUSID in|out SIZE DEPTH"));
    };
    let plan = Plan::parse(&[action, size, depth, "1"])?;
    let told_to_end = Arc::new(AtomicBool::new(false));
    flag::register(SIGTERM, Arc::clone(&told_to_end))?;
    let mut pipe = Usbfs::open(busid, &plan)?;
    for slot in 0..plan.depth {
        pipe.submit(slot)?;
    }
    let mut under_way = plan.depth;
    while under_way > 0 {
        let completion = match pipe.complete() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if completion.failed {
            return Err(io::Error::other("a transfer failed"));
        }
        if told_to_end.load(Ordering::Relaxed) {
            under_way -= 1;
        } else {
            pipe.submit(completion.slot)?;
        }
    }
    Ok(())
}
