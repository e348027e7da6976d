// SPDX-License-Identifier: GPL-2.0

//! `usbip port`: show what is attached.

use std::ffi::OsString;
use std::io::Write;

use log::error;
use usbip_client::RecordError;
use usbip_sysfs::{PortRow, Speed, Vhci, VhciError, VHCI_DRIVER};

use crate::answer::{self, Answer};
use crate::attached_port::AttachedPort;
use crate::cause::Cause;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::names::REMOTE_TEXT_LEN;
use crate::options::{command, json};
use crate::report::{fail, Reported, LIBUSBIP};

/// Opens the virtual host controller and reads all its ports.
///
/// # Errors
/// When there is none or it cannot be read; told.
pub fn open_vhci(environment: &Environment) -> Result<(Vhci, Vec<PortRow>), Reported> {
    let opened = environment.sysfs.vhci();
    let read = opened.and_then(|vhci| {
        let rows = vhci.ports()?;
        Ok((vhci, rows))
    });
    read.map_err(|error| report_vhci(&error))
}

/// Tells why the virtual host controller cannot be used.
pub fn report_vhci(error: &VhciError) -> Reported {
    let reported = not_open(error);
    match error {
        VhciError::NotLoaded => reported.because(Cause::not_loaded(VHCI_DRIVER)),
        _ => reported,
    }
}

/// The words of C for it.
pub fn not_open(error: &VhciError) -> Reported {
    error!(target: LIBUSBIP, "{error}");
    fail("open vhci_driver (is vhci_hcd loaded?)")
}

/// The command line.
pub fn cli() -> clap::Command {
    command("port", "Show imported USB devices", [json()])
}

/// Runs the command; arguments but `--json` are ignored, as in C.
pub fn run(environment: &Environment, args: &[OsString], out: &mut dyn Write) -> Outcome {
    environment.names.announce();
    let opened = open_vhci(environment);
    let opened = opened.map_err(|reported| reported.then("list imported devices"));
    if args.iter().any(|arg| arg == "--json") {
        let (rows, failure) = match opened {
            Ok((_vhci, rows)) => (rows, None),
            Err(reported) => (Vec::new(), Some(reported)),
        };
        let ports = rows
            .iter()
            .filter_map(|row| AttachedPort::read(environment, row));
        let answer = Answer {
            ports: Some(ports.collect()),
            ..Answer::default()
        };
        return answer::write(out, "port", answer, failure);
    }
    let (_vhci, rows) = opened?;
    writeln!(out, "Imported USB devices")?;
    writeln!(out, "====================")?;
    for row in rows.iter().filter(|row| row.state.has_device()) {
        write_port(environment, row, out)?;
    }
    Ok(())
}

fn write_port(
    environment: &Environment,
    row: &PortRow,
    out: &mut dyn Write,
) -> Result<(), Reported> {
    let local = row.local.as_ref();
    // A device may be gone, or never have been there on a port in error: the port still shows.
    let device = local.and_then(|busid| environment.sysfs.usb_device(busid).ok());
    let speed = device
        .as_ref()
        .map_or(Speed::Unknown, |device| device.speed());
    let (vendor, product) = device.as_ref().map_or((0, 0), |device| device.usb_id());
    let name = environment.names.product(vendor, product, REMOTE_TEXT_LEN);
    let (state, speed) = (row.state.text(), speed.text());
    writeln!(out, "Port {:02}: <{state}> at {speed}", row.port.0)?;
    out.write_all(b"       ")?;
    out.write_all(&name)?;
    writeln!(out)?;
    let local = local.map_or("", |busid| busid.as_str());
    match environment.records.read(row.port) {
        Ok(remote) => {
            let (host, port, busid) = (remote.host, remote.port, remote.busid);
            writeln!(out, "{local:>10} -> usbip://{host}:{port}/{busid}")?;
        }
        Err(reason) => {
            report_record(&reason);
            writeln!(
                out,
                "{local:>10} -> unknown host, remote port and remote busid"
            )?;
        }
    }
    let (busnum, devnum) = (row.devid.busnum(), row.devid.devnum());
    writeln!(out, "{:>10} -> remote bus/dev {busnum:03}/{devnum:03}", " ")?;
    Ok(())
}

fn report_record(reason: &RecordError) {
    match reason {
        RecordError::Open => error!(target: LIBUSBIP, "fopen"),
        RecordError::Empty => error!(target: LIBUSBIP, "fgets"),
        RecordError::Malformed => {}
    }
    error!(target: LIBUSBIP, "read_record");
}
