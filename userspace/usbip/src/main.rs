// SPDX-License-Identifier: GPL-2.0

//! The `usbip` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    usbip::run(std::env::args_os().skip(1).collect())
}
