// SPDX-License-Identifier: GPL-2.0

//! Prints every use of `unsafe` in the repository with its reason, and how many there are in each
//! file. `docs/safety.md` says what they are for; a test compares its numbers.

#![forbid(unsafe_code)]

mod document;
mod source;
mod uses;

use std::io::{self, Write};
use std::process::ExitCode;

use document::Count;

fn main() -> ExitCode {
    match print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told that stderr is gone.
            let _ = writeln!(io::stderr(), "usbip-safety: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut total = Count::default();
    for source in source::all()? {
        let uses = uses::of(&source.text)
            .map_err(|error| io::Error::other(format!("{}: {error}", source.path)))?;
        if uses.is_empty() {
            continue;
        }
        let count = Count::of(&uses);
        total += count;
        writeln!(out, "{}: {count}", source.path)?;
        for one in &uses {
            let reason = one.reason.as_deref().unwrap_or("NO REASON");
            writeln!(out, "  {}: {}: {reason}", one.line, one.kind)?;
        }
    }
    writeln!(out, "total: {total}")
}
