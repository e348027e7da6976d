// SPDX-License-Identifier: GPL-2.0

//! What `make bench` runs inside of a guest.
//!
//! ```text
//! bench wait plugged|imported PRODUCT [COUNT]             prints busids, when so many devices are configured
//! bench load LABEL BUSID in|out|interrupt|isochronous SIZE DEPTH COUNT
//!                                                         transfers through usbfs
//! bench crowd LABEL in|out SIZE DEPTH COUNT BUSID...        the same with many devices at once
//! bench strain BUSID in|out SIZE DEPTH                      the same without end, and without a result
//! bench drive LABEL BUSID unix|tcp in|out SIZE DEPTH COUNT  the same, from a client in user space to the stub
//! bench serve unix|tcp PORT [stuck|punctual]              a device in user space, on a port of vhci
//! bench serve-crowd unix|tcp PORT...                        many of them
//! bench disk LABEL ACTION PATH COUNT                        what users of a disk do; nothing of it is in memory
//! bench measure LABEL COMMAND ARGUMENTS...                the time and the work of a command
//! ```
//!
//! LABEL is given back with the result, one line of `name=value` on standard output. PRODUCT is a
//! product id in hexadecimal, SIZE is in bytes, DEPTH the transfers that wait at any time, COUNT
//! those that are measured.

mod counters;
mod crowd;
mod disk;
mod drive;
mod endpoint;
mod fake;
mod load;
mod marker;
mod measure;
mod paced;
mod pair;
mod pipe;
mod plan;
mod ready;
mod report;
mod serve;
mod strain;
mod sysfs;
mod usbfs;
mod wait;
mod window;

use std::io;
use std::process::ExitCode;

fn run(arguments: &[&str]) -> io::Result<()> {
    match arguments {
        ["wait", arguments @ ..] => wait::run(arguments),
        ["load", arguments @ ..] => load::run(arguments),
        ["crowd", arguments @ ..] => crowd::run(arguments),
        ["strain", arguments @ ..] => strain::run(arguments),
        ["disk", arguments @ ..] => disk::run(arguments),
        ["drive", arguments @ ..] => drive::run(arguments),
        ["serve", arguments @ ..] => serve::run(arguments),
        ["serve-crowd", arguments @ ..] => serve::run_crowd(arguments),
        ["measure", arguments @ ..] => measure::run(arguments),
        _ => Err(io::Error::other(
            "usage: bench wait|load|crowd|strain|disk|drive|serve|serve-crowd|measure ...",
        )),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}
