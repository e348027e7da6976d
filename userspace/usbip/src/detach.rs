// SPDX-License-Identifier: GPL-2.0

//! `usbip detach`: give a remote device back.

use std::ffi::OsString;

use clap::ArgMatches;
use log::info;
use usbip_identity::{Identity, Match, Selector};
use usbip_sysfs::{Port, PortRow, PortState, Vhci};

use crate::cause::{Cause, Kind};
use crate::choice::{self, fits, only_one, Naming};
use crate::command::{Outcome, Refusal};
use crate::environment::Environment;
use crate::imported::open_vhci;
use crate::options::{command, own_flag, read, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip detach <args>
    -p, --port=<port>    vhci_hcd port the device is on
";

/// Command that shows the ports.
const LIST: &str = "usbip port";

/// What to detach.
enum Wanted {
    /// The device on a port.
    Port(String),
    /// The one device that fits.
    One(Selector),
    /// Every device, or every one that fits.
    All(Option<Selector>),
}

/// The command line.
pub fn cli() -> clap::Command {
    let options = [
        value("port", 'p', "PORT", "The port, as \"usbip port\" shows it"),
        own_flag("all", "Detach all devices, or all that fit"),
    ];
    command("detach", "Give an imported USB device back", options).args(choice::options())
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let (_, matches) = read(&cli(), args, &["port"])?;
    let detached = match wanted(&matches)? {
        Wanted::Port(port) => detach_port(environment, &port),
        Wanted::One(selector) => detach_one(environment, &selector),
        Wanted::All(selector) => detach_all(environment, selector.as_ref()),
    };
    Ok(detached?)
}

fn wanted(matches: &ArgMatches) -> Result<Wanted, Refusal> {
    let selector = choice::selector(matches)?;
    match (text(matches, "port"), selector, matches.get_flag("all")) {
        (Some(port), None, false) => Ok(Wanted::Port(port)),
        (None, Some(selector), false) => Ok(Wanted::One(selector)),
        (None, selector, true) => Ok(Wanted::All(selector)),
        (None, None, false) => Err(Refusal::usage(
            "no device is named: give --port, --id, --serial, --class, --product or --all",
        )),
        (Some(_), _, _) => Err(Refusal::usage(
            "--port names the device; --all, --id, --serial, --class and --product are for when it does not",
        )),
    }
}

fn detach_port(environment: &Environment, text: &str) -> Result<(), Reported> {
    let see = |detail: String| {
        let next = format!("see the ports in use with \"{LIST}\"");
        Cause::new(Kind::NoMatch, detail, next)
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let reported = fail(format_args!("invalid port {text}"));
        return Err(reported.because(see("a port is a number".to_owned())));
    }
    let (vhci, rows) = open_vhci(environment)?;
    let wanted = parse_port(text);
    let Some(row) = rows.iter().find(|row| Some(row.port) == wanted) else {
        let count = vhci.port_count();
        let reported = fail(format_args!("Invalid port {text} > maxports {count}"));
        return Err(reported.because(see(format!("there are {count} ports"))));
    };
    if row.state == PortState::Null {
        info!(target: USBIP, "Port {} is already detached!\n", row.port);
        return Ok(());
    }
    detach(environment, &vhci, row.port)
}

fn detach_one(environment: &Environment, selector: &Selector) -> Result<(), Reported> {
    let (vhci, rows) = open_vhci(environment)?;
    let fitting = fitting(environment, selector, &rows)
        .map(|(identity, port)| (identity, port.to_string(), port));
    let naming = Naming {
        option: "-p PORT",
        list_command: LIST,
    };
    let port = only_one(environment, selector, fitting.collect(), naming)?;
    detach(environment, &vhci, port)
}

/// Without a selector also ports whose device is not there yet, or no more.
fn detach_all(environment: &Environment, selector: Option<&Selector>) -> Result<(), Reported> {
    let (vhci, rows) = open_vhci(environment)?;
    let ports: Vec<_> = match selector {
        None => {
            let taken = rows.iter().filter(|row| row.state != PortState::Null);
            taken.map(|row| row.port).collect()
        }
        Some(selector) => fitting(environment, selector, &rows)
            .map(|(_, port)| port)
            .collect(),
    };
    if ports.is_empty() {
        info!(target: USBIP, "there is nothing to detach");
    }
    let mut failure = None;
    for port in ports {
        match detach(environment, &vhci, port) {
            Err(reported) if failure.is_none() => failure = Some(reported),
            Err(reported) => reported.tell_cause(),
            Ok(()) => {}
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The devices that are here and fit, and their ports.
fn fitting<'a>(
    environment: &'a Environment,
    selector: &'a Selector,
    rows: &'a [PortRow],
) -> impl Iterator<Item = (Identity, Port)> + 'a {
    let here = rows.iter().filter(|row| row.state.has_device());
    here.filter_map(move |row| {
        let device = environment.sysfs.usb_device(row.local.as_ref()?).ok()?;
        let identity = Identity::of_local(&device);
        (fits(environment, selector, &identity) == Match::Yes).then_some((identity, row.port))
    })
}

fn detach(environment: &Environment, vhci: &Vhci, port: Port) -> Result<(), Reported> {
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
