// SPDX-License-Identifier: GPL-2.0

//! `usbip detach`: give a remote device back.

use std::ffi::OsString;

use log::info;
use usbip_sysfs::{Port, PortState};

use crate::cause::Cause;
use crate::command::{Outcome, Refusal};
use crate::environment::Environment;
use crate::imported::open_vhci;
use crate::options::{command, read, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip detach <args>
    -p, --port=<port>    vhci_hcd port the device is on
";

/// The command line.
pub fn cli() -> clap::Command {
    let port = value("port", 'p', "PORT", "The port, as \"usbip port\" shows it");
    command("detach", "Give an imported USB device back", [port])
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let (_, matches) = read(&cli(), args, &["port"]).ok_or(Refusal::BadArguments)?;
    let port = text(&matches, "port").ok_or(Refusal::BadArguments)?;
    Ok(detach(environment, &port)?)
}

fn detach(environment: &Environment, text: &str) -> Result<(), Reported> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fail(format_args!("invalid port {text}")));
    }
    let (vhci, rows) = open_vhci(environment)?;
    let wanted = parse_port(text);
    let Some(row) = rows.iter().find(|row| Some(row.port) == wanted) else {
        let count = vhci.port_count();
        return Err(fail(format_args!("Invalid port {text} > maxports {count}")));
    };
    let port = row.port;
    if row.state == PortState::Null {
        info!(target: USBIP, "Port {port} is already detached!\n");
        return Ok(());
    }
    let stamp = environment.records.stamp(port);
    vhci.detach(port).map_err(|error| {
        fail(format_args!("Port {port} detach request failed!\n"))
            .because(Cause::kernel("vhci_hcd detach", &error))
    })?;
    environment.records.remove(port, stamp);
    info!(target: USBIP, "Port {port} is now detached!\n");
    Ok(())
}

/// No digits at all mean port 0, as `atoi` has it; a number beyond all ports is none.
fn parse_port(digits: &str) -> Option<Port> {
    match digits {
        "" => Some(Port(0)),
        digits => digits.parse().ok().map(Port),
    }
}
