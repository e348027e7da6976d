// SPDX-License-Identifier: GPL-2.0

//! `usbip attach`: use a remote device.

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use clap::ArgMatches;
use log::{debug, info};
use usbip_client::{attach_to_free_port, AttachError, Remote};
use usbip_identity::Selector;
use usbip_logger::Reason;
use usbip_protocol::op::UsbDevice;
use usbip_sysfs::{DevId, Port, Speed};

use crate::answer::{self, Answer};
use crate::arrival::Arrival;
use crate::attached_port::AttachedPort;
use crate::cause::{Cause, Kind};
use crate::choice;
use crate::command::{Outcome, Refusal};
use crate::environment::Environment;
use crate::import::import;
use crate::imported::report_vhci;
use crate::options::{command, json, own_flag, own_value, position, read_all, remote, text, value};
use crate::pick::{self, Picked};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip attach <args>
    -r, --remote=<host>      The machine with exported USB devices
    -b, --busid=<busid>    Busid of the device on <host>
    -d, --device=<devid>    Id of the virtual UDC on <host>
";

/// Seconds `--wait` waits unless told otherwise.
const WAIT: &str = "30";

/// What to attach.
enum Wanted {
    /// The device of that name.
    Busid(String),
    /// The one device that fits.
    One(Selector),
    /// Every device, or every one that fits.
    All(Option<Selector>),
}

/// The command line.
pub fn cli() -> clap::Command {
    let wait = own_value(
        "wait",
        "SECONDS",
        "Wait until the device has a driver, and tell what appeared",
    );
    let options = [
        remote("The machine that exports it"),
        value("busid", 'b', "BUSID", "Bus id of the device there"),
        value("device", 'd', "DEVID", "Id of a gadget (usbip-vudc) there"),
        own_flag("all", "Attach all devices, or all that fit"),
        wait.num_args(0..=1)
            .require_equals(true)
            .default_missing_value(WAIT),
        json(),
    ];
    command("attach", "Use a USB device of another machine", options).args(choice::options())
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString], out: &mut dyn Write) -> Outcome {
    let matches = read_all(&cli(), args)?;
    let host = text(&matches, "remote");
    let attaching = Attaching {
        environment,
        host: host.ok_or_else(|| Refusal::usage("--remote is missing"))?,
        wait: text(&matches, "wait").map(seconds).transpose()?,
    };
    let mut ports = Vec::new();
    let failure = attaching.attach(&wanted(&matches)?, &mut ports).err();
    if matches.get_flag("json") {
        let answer = Answer {
            ports: Some(attaching.describe(&ports)),
            ..Answer::default()
        };
        return answer::write(out, "attach", answer, failure);
    }
    attaching.show(&ports, out)?;
    Ok(failure.map_or(Ok(()), Err)?)
}

fn seconds(text: String) -> Result<Duration, Refusal> {
    let wrong = |_| Refusal::usage(format!("--wait={text} is no number of seconds"));
    Ok(Duration::from_secs(text.parse().map_err(wrong)?))
}

/// `--busid` and `--device` are two names of one thing; the later one counts.
fn wanted(matches: &ArgMatches) -> Result<Wanted, Refusal> {
    let name = ["busid", "device"]
        .into_iter()
        .max_by_key(|name| position(matches, name));
    let busid = name.and_then(|name| text(matches, name));
    match (busid, choice::selector(matches)?, matches.get_flag("all")) {
        (Some(busid), None, false) => Ok(Wanted::Busid(busid)),
        (None, Some(selector), false) => Ok(Wanted::One(selector)),
        (None, selector, true) => Ok(Wanted::All(selector)),
        (None, None, false) => Err(Refusal::usage(
            "no device is named: give --busid, --id, --serial, --class, --product or --all",
        )),
        (Some(_), _, true) => Err(Refusal::usage(
            "--busid names one device, --all all of them",
        )),
        (Some(_), Some(_), false) => Err(choice::twice()),
    }
}

struct Attaching<'a> {
    environment: &'a Environment,
    host: String,
    wait: Option<Duration>,
}

impl Attaching<'_> {
    /// Attaches what is wanted and notes the ports, also of those before a failure.
    fn attach(&self, wanted: &Wanted, ports: &mut Vec<Port>) -> Result<(), Reported> {
        let picked = match wanted {
            Wanted::Busid(busid) => vec![Picked::Listed(busid.clone())],
            Wanted::One(selector) => vec![pick::one(self.environment, &self.host, selector)?],
            Wanted::All(selector) => pick::all(self.environment, &self.host, selector.as_ref())?,
        };
        let mut failure = None;
        for device in picked {
            let busid = device.busid().to_owned();
            match self.attach_one(device, ports) {
                Err(reported) if failure.is_none() => failure = Some(reported),
                Err(reported) => reported.tell_cause(),
                Ok(port) if !matches!(wanted, Wanted::Busid(_)) => {
                    info!(target: USBIP, "device {busid} is attached to port {port}");
                }
                Ok(_) => {}
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn attach_one(&self, device: Picked, ports: &mut Vec<Port>) -> Result<Port, Reported> {
        let arrival = self.wait.map(Arrival::expect);
        let busid = device.busid().to_owned();
        let port = match device {
            Picked::Listed(busid) => {
                let (stream, device) = import(self.environment, &self.host, &busid)?;
                self.hand_over(stream, &device)?
            }
            Picked::Held(_, held) => {
                held.hand_over(&self.environment.vhci()?).map_err(|error| {
                    fail("import device").because(Cause::new(
                        Kind::Kernel,
                        format!("{busid}: {error}"),
                        "see \"dmesg\"",
                    ))
                })?
            }
        };
        ports.push(port);
        self.record(port, busid)?;
        arrival.map_or(Ok(()), |arrival| arrival.wait(self.environment, port))?;
        Ok(port)
    }

    /// Gives the connection to the kernel and closes our end of it.
    fn hand_over(&self, stream: TcpStream, device: &UsbDevice) -> Result<Port, Reported> {
        let vhci = self.environment.vhci()?;
        let devid =
            DevId::new(device.busnum, device.devnum).ok_or_else(|| fail("import device"))?;
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
            AttachError::NoFreePort => fail("no free port").because(Cause::new(
                Kind::NoFreePort,
                "every port for devices of this speed is taken",
                "give a device back with \"usbip detach -p PORT\"",
            )),
            AttachError::Refused(error) => {
                fail("import device").because(Cause::kernel("vhci_hcd attach", &error))
            }
        })
    }

    fn record(&self, port: Port, busid: String) -> Result<(), Reported> {
        let remote = Remote {
            host: self.host.clone(),
            port: self.environment.tcp_port.to_string(),
            busid,
        };
        let written = self.environment.records.write(port, &remote);
        written.map_err(|error| {
            let reported = fail("record connection");
            let reason = Reason(&error);
            info!(target: USBIP, "port {port} is attached, only its record is missing: {reason}");
            reported
        })
    }

    fn describe(&self, ports: &[Port]) -> Vec<AttachedPort> {
        let vhci = self.environment.sysfs.vhci();
        let rows = vhci.and_then(|vhci| vhci.ports()).unwrap_or_default();
        let rows = rows.iter().filter(|row| ports.contains(&row.port));
        rows.filter_map(|row| AttachedPort::read(self.environment, row))
            .collect()
    }

    /// Prints what appeared, if somebody waited for it.
    fn show(&self, ports: &[Port], out: &mut dyn Write) -> Result<(), Reported> {
        if self.wait.is_none() {
            return Ok(());
        }
        for port in self.describe(ports) {
            let Some(device) = port.device else { continue };
            writeln!(out, "Port {:02}: {}", port.port, device.title())?;
            for node in &device.nodes {
                writeln!(out, "         {:<6} {}", node.subsystem, node.shown())?;
            }
        }
        Ok(())
    }
}
