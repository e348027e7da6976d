// SPDX-License-Identifier: GPL-2.0

//! `bench load`: transfers by a program that uses the device.

use crate::plan::Plan;
use crate::usbfs::Usbfs;
use crate::{report, window};
use std::io;

/// Measures and reports.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [label, busid, plan @ ..] = arguments else {
        return Err(io::Error::other(
            "wanted: LABEL BUSID in|out SIZE DEPTH COUNT",
        ));
    };
    let plan = Plan::parse(plan)?;
    let mut pipe = Usbfs::open(busid, &plan)?;
    report::window(label, &window::run(&mut pipe, &plan)?)
}
