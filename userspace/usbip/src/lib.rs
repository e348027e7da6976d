// SPDX-License-Identifier: GPL-2.0

//! Drop-in replacement of `usbip` from usbip-utils 2.0.
//!
//! Standard output, exit codes and the messages on standard error are those of the C tool. What is
//! new is in options and a command that C does not have, and in `usbip: info:` lines that follow a
//! failure: its cause, and what to do about it.

#![forbid(unsafe_code)]

mod answer;
mod arrival;
mod attach;
mod attached_port;
mod bind;
mod cause;
mod choice;
mod command;
mod detach;
mod environment;
mod import;
mod imported;
mod invocation;
mod list;
mod local_device;
mod modules;
mod names;
mod offer;
mod old_style;
mod options;
mod peers;
mod pick;
mod remote_device;
mod report;
mod service_state;
mod status;
mod unbind;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use invocation::Invocation;
use report::Reported;

/// The whole command line, for manual pages and shell completions. `usbip help` shows the part of
/// it that usbip-utils has; this is all of it.
pub fn command_line() -> clap::Command {
    invocation::cli()
}

/// Runs the tool with its arguments, program name left out.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = execute(&args, &mut out);
    let flushed = out.flush().map_err(Reported::from);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reported) => {
            reported.tell_cause();
            ExitCode::FAILURE
        }
    }
}

fn execute(args: &[OsString], out: &mut dyn Write) -> Result<(), Reported> {
    if args.first().is_some_and(|arg| arg == "--help") {
        return Ok(write!(out, "{}", command_line().render_long_help())?);
    }
    match Invocation::parse(args) {
        Some(invocation) => invocation.execute(out),
        None => {
            usbip_logger::init(false);
            writeln!(out, "usbip: invalid option")?;
            write!(out, "usage: {}", command::GLOBAL_USAGE)?;
            Err(Reported::silent())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command_line().debug_assert();
    }
}
