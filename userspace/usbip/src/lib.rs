// SPDX-License-Identifier: GPL-2.0

//! Drop-in replacement of `usbip` from usbip-utils 2.0.
//!
//! Standard output, exit codes and the messages on standard error are those of the C tool; what is
//! new goes to standard error as additional `usbip: info:` lines.

#![forbid(unsafe_code)]

mod advice;
mod attach;
mod bind;
mod command;
mod detach;
mod environment;
mod free_port;
mod import;
mod imported;
mod invocation;
mod list;
mod names;
mod options;
mod record;
mod report;
mod unbind;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use invocation::Invocation;
use report::Reported;

/// Runs the tool with its arguments, program name left out.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = execute(&args, &mut out);
    let flushed = out.flush().map_err(Reported::from);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Reported) => ExitCode::FAILURE,
    }
}

fn execute(args: &[OsString], out: &mut dyn Write) -> Result<(), Reported> {
    match Invocation::parse(args) {
        Some(invocation) => invocation.execute(out),
        None => {
            usbip_logger::init(false);
            writeln!(out, "usbip: invalid option")?;
            write!(out, "usage: {}", command::GLOBAL_USAGE)?;
            Err(Reported)
        }
    }
}
