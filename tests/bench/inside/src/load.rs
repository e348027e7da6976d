// SPDX-License-Identifier: GPL-2.0

//! `bench load`: transfers by a program that uses the device.

use crate::plan::Plan;
use crate::sysfs::Device;
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
    let (device, plan) = (Device((*busid).to_owned()), Plan::parse(plan)?);
    let endpoint = device.endpoint(plan.kind, plan.direction)?;
    let mut pipe = Usbfs::open(&device.node()?, endpoint, &plan)?;
    report::window(label, &window::run(&mut pipe, &plan)?)
}
