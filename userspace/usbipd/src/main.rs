// SPDX-License-Identifier: GPL-2.0

//! The `usbipd` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    usbipd::run(std::env::args_os().collect())
}
