// SPDX-License-Identifier: GPL-2.0

//! `usbip attach`: use a remote device.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::net::TcpStream;

use log::{debug, info};
use usbip_logger::Reason;
use usbip_net::{connect, ConnectError};
use usbip_protocol::op::UsbDevice;
use usbip_sysfs::{DevId, Port, Speed};

use crate::advice;
use crate::command::{BadArguments, Outcome};
use crate::environment::Environment;
use crate::free_port::{attach_to_free_port, AttachError};
use crate::import::import;
use crate::imported::report_vhci;
use crate::options::{parser, position, text, value};
use crate::record::Remote;
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip attach <args>
    -r, --remote=<host>      The machine with exported USB devices
    -b, --busid=<busid>    Busid of the device on <host>
    -d, --device=<devid>    Id of the virtual UDC on <host>
";

/// Runs the command. `--busid` and `--device` are two names of one thing; the later one counts.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let parser = parser([
        value("remote", 'r'),
        value("busid", 'b'),
        value("device", 'd'),
    ]);
    let matches = parser
        .try_get_matches_from(args)
        .map_err(|_| BadArguments)?;
    let host = text(&matches, "remote").ok_or(BadArguments)?;
    let name = ["busid", "device"]
        .into_iter()
        .max_by_key(|name| position(&matches, name));
    let busid = name.and_then(|name| text(&matches, name));
    Ok(attach(environment, host, busid.ok_or(BadArguments)?))
}

fn attach(environment: &Environment, host: String, busid: String) -> Result<(), Reported> {
    let port = &environment.tcp_port;
    let stream = connect(&host, port).map_err(|error| {
        let reported = fail("tcp connect");
        info!(target: USBIP, "could not connect to {host}:{port}: {}", reason(&error));
        reported
    })?;
    let (stream, device) = import(stream, &busid)?;
    let rhport = hand_over(environment, stream, &device)?;
    let remote = Remote {
        host,
        port: port.to_string(),
        busid,
    };
    environment.records.write(rhport, &remote).map_err(|error| {
        let reported = fail("record connection");
        let reason = Reason(&error);
        info!(target: USBIP, "port {rhport} is attached, only its record is missing: {reason}");
        reported
    })
}

/// Gives the connection to the kernel and closes our end of it.
fn hand_over(
    environment: &Environment,
    stream: TcpStream,
    device: &UsbDevice,
) -> Result<Port, Reported> {
    let vhci = environment.sysfs.vhci();
    let vhci = vhci.map_err(|error| report_vhci(&error))?;
    let devid = DevId::new(device.busnum, device.devnum).ok_or_else(|| fail("import device"))?;
    let attached = attach_to_free_port(
        Speed::hub_for(device.speed),
        || vhci.ports(),
        |port| {
            debug!(target: USBIP, "got free port {port}");
            vhci.attach(port, &stream, devid, device.speed)
        },
    );
    attached.map_err(|error| match error {
        AttachError::Table(error) => report_vhci(&error),
        AttachError::NoFreePort => fail("no free port"),
        AttachError::Refused(error) => refused(&error),
    })
}

fn refused(error: &io::Error) -> Reported {
    let reported = fail("import device");
    info!(target: USBIP, "vhci_hcd attach: {}", Reason(error));
    advice::privilege(error);
    reported
}

/// The cause rather than "System error" where there is one.
fn reason(error: &ConnectError) -> String {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.map_or_else(|| error.to_string(), |cause| Reason(cause).to_string())
}
