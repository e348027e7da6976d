// SPDX-License-Identifier: GPL-2.0

//! The `usbip-connectd` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    usbip_connectd::run(std::env::args_os().collect())
}
