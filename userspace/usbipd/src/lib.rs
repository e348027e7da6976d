// SPDX-License-Identifier: GPL-2.0

//! Drop-in replacement of `usbipd` from usbip-utils 2.0.
//!
//! One thread per connection, a time limit on each, no fork: a client that says nothing keeps
//! nobody waiting. What usbip-utils does not have is in `/etc/usbip/usbipd.toml`: where to listen,
//! limits, and rules by which devices are exported whenever they are there.
//!
//! Environment variables move the daemon elsewhere, for tests: `USBIP_SYSFS` (instead of `/sys`)
//! and `USBIP_RUN` (`/run/usbip`).

#![forbid(unsafe_code)]

mod address;
mod config;
mod daemon;
mod exporter;
mod exports;
mod keeper;
mod listeners;
mod options;
mod peer;
mod pid_file;
mod reply;
mod request;
mod server;
mod standing;
mod takeover;
mod waiting;

pub use options::command_line;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use log::error;

use options::{Action, Options};

/// Log target of the daemon's own messages.
const USBIPD: &str = "usbipd";

/// Log target of messages that come from sources shared with `usbip` in C.
const USBIP: &str = "usbip";

/// Version line; scripts compare it with that of usbip-utils.
const VERSION: &str = "usbipd (usbip-utils 2.0)";

/// A failure whose message is out already; only the exit code is left to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reported;

/// Runs the daemon with its arguments, program name first.
pub fn run(args: Vec<OsString>) -> ExitCode {
    usbip_logger::init(false);
    if !rustix::process::geteuid().is_root() {
        error!(target: USBIPD, "not running as root?");
    }
    let result = match Options::parse(&args) {
        Ok(options) => execute(options),
        Err(complaint) => {
            // Nobody can be told that stderr is gone.
            let _ = writeln!(io::stderr(), "{complaint}");
            print(&format!("{}\n", options::HELP)).and(Err(Reported))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Reported) => ExitCode::FAILURE,
    }
}

fn execute(options: Options) -> Result<(), Reported> {
    usbip_logger::init(options.debug);
    let tcp_port = options.tcp_port();
    match options.action {
        Action::Help => print(&format!("{}\n", options::HELP)),
        Action::Version => print(&format!("{VERSION}\n")),
        Action::Serve => server::serve(&options, &tcp_port),
    }
}

fn print(text: &str) -> Result<(), Reported> {
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|_| Reported)
}
