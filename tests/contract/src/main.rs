// SPDX-License-Identifier: GPL-2.0

//! What the USB/IP drivers promise, checked against whichever modules are there.
//!
//! ```text
//! contract KIND WIRE PATIENCE GROUP [SKIPPED-CHECK...]
//! ```
//!
//! KIND is `c` for the kernel's own modules or `rs` for ours, WIRE what connections are made of,
//! `unix` or `tcp`, PATIENCE a factor for every time limit. Loads the modules a group needs, prints one line per check, `<check>\t<outcome>`, and
//! unloads them; how long each took goes to the standard error. An outcome holds nothing that differs from run to run, so the outcomes of two
//! kinds of modules can be compared as they are. Runs as root, alone on its machine.
//!
//! Nothing goes over a network: the server of an imported device, and the client of an exported
//! one, is this program at the other end of a pair of sockets, or of a TCP connection over
//! loopback.

#![deny(unsafe_code)]

mod checks;

use contract::{
    attribute, errno, gadget, import, kind, lane, limit, log, pdu, peer, pipe, report, root_hub,
    scripted, server, slab, stub, usbfs, vhci, wire,
};
use kind::Kind;
use report::Report;
use std::process::ExitCode;
use wire::Wire;

fn usage() -> ExitCode {
    eprintln!("usage: contract c|rs unix|tcp PATIENCE GROUP [SKIPPED-CHECK...]");
    eprintln!("groups: {}", checks::names().join(" "));
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, wire, patience, group, skipped @ ..] = arguments.as_slice() else {
        return usage();
    };
    let (Some(kind), Some(wire), Ok(patience), Some(run)) = (
        Kind::named(kind),
        Wire::named(wire),
        patience.parse(),
        checks::group(group),
    ) else {
        return usage();
    };
    wire.choose();
    limit::set_patience(patience);
    let mut report = Report::new(kind, skipped.to_vec());
    run(&mut report);
    ExitCode::SUCCESS
}
