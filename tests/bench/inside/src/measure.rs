// SPDX-License-Identifier: GPL-2.0

//! `bench measure`: a command, from before it is started to after it has ended.

use crate::{marker, report};
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Measures and reports; what the command says goes to standard error.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [label, program, arguments @ ..] = arguments else {
        return Err(io::Error::other("wanted: LABEL COMMAND ARGUMENTS..."));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::from(io::stderr()));
    let begin = Instant::now();
    marker::start();
    let status = command.status()?;
    marker::end();
    let elapsed = begin.elapsed();
    if !status.success() {
        return Err(io::Error::other(status.to_string()));
    }
    report::work(label, 1, 0, elapsed)
}
