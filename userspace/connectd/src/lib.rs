// SPDX-License-Identifier: GPL-2.0

//! Service that keeps remote USB devices attached: through a restart of the server, replugging
//! there, a loss of the network, and a restart of this machine.
//!
//! `/etc/usbip/connect.toml` names the devices, `/run/usbip/connectd.json` tells how they stand.
//! Detaching a device wins over wanting it. Nothing is asked again and again that can be waited
//! for; only servers, which send no events, are asked at growing intervals.
//!
//! Environment variables move the service elsewhere, for tests: `USBIP_SYSFS` (instead of `/sys`),
//! `USBIP_STATE` (`/var/run/vhci_hcd`) and `USBIP_RUN` (`/run/usbip`).

#![forbid(unsafe_code)]

mod attempt;
mod backoff;
mod board;
mod config;
mod detach_writes;
mod detaches;
mod keeper;
mod marks;
mod only_one;
mod options;
mod phase;
mod ports;
mod seal;
mod service;
mod sleep;
mod wanted;

pub use options::command_line;

use std::ffi::OsString;
use std::process::ExitCode;

use log::error;

use options::{Action, Options};

/// Log target of the service.
const CONNECTD: &str = "usbip-connectd";

/// A failure whose message is out already; only the exit code is left to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reported;

/// Runs the service with its arguments, program name first.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let options = Options::parse(args);
    usbip_logger::init(options.debug);
    let result = match options.action {
        Action::Serve => service::serve(&options),
        Action::Resume(name) => marks::resume(&name),
        Action::Sleep => sleep::sleep(),
        Action::Wake => marks::wake(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Reported) => ExitCode::FAILURE,
    }
}

/// Tells a failure.
fn fail(text: impl std::fmt::Display) -> Reported {
    error!(target: CONNECTD, "{text}");
    Reported
}
