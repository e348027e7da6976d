// SPDX-License-Identifier: GPL-2.0

//! `usbip status`: everything at a glance, both roles. C has no such command.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::answer::{self, Answer, Devices, Drivers};
use crate::attached_port::AttachedPort;
use crate::choice::local_devices;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::list::printable;
use crate::local_device::{Export, LocalDevice};
use crate::options::{bare_command, json};
use crate::service_state::ServiceState;

/// Usage text.
pub const USAGE: &str = "usbip status [--json]
    --json    Answer with one JSON object
";

/// The command line.
pub fn cli() -> clap::Command {
    bare_command(
        "status",
        "Show what is exported and imported, and who has it",
        [json()],
    )
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString], out: &mut dyn Write) -> Outcome {
    let matches = cli().try_get_matches_from(args)?;
    let status = Status::read(environment);
    match matches.get_flag("json") {
        true => answer::write(out, "status", status.answer(), None),
        false => Ok(status.show(out)?),
    }
}

struct Status {
    drivers: Drivers,
    devices: Vec<LocalDevice>,
    ports: Vec<AttachedPort>,
    services: Vec<ServiceState>,
}

impl Status {
    fn read(environment: &Environment) -> Self {
        let vhci = environment.sysfs.vhci();
        let drivers = Drivers {
            host: environment.sysfs.host_driver().is_loaded(),
            vhci: vhci.is_ok(),
        };
        let rows = vhci.and_then(|vhci| vhci.ports()).unwrap_or_default();
        let devices = local_devices(environment);
        let devices = devices
            .iter()
            .map(|device| LocalDevice::read(environment, device));
        let ports = rows
            .iter()
            .filter_map(|row| AttachedPort::read(environment, row));
        Self {
            drivers,
            devices: devices.collect(),
            ports: ports.collect(),
            services: ServiceState::read_all(),
        }
    }

    fn answer(self) -> Answer {
        Answer {
            drivers: Some(self.drivers),
            devices: Some(Devices::Local(self.devices)),
            ports: Some(self.ports),
            services: Some(self.services),
            error: None,
        }
    }

    fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let loaded = |loaded: bool| if loaded { "loaded" } else { "not loaded" };
        writeln!(
            out,
            "Local devices (usbip-host {})",
            loaded(self.drivers.host)
        )?;
        for device in &self.devices {
            writeln!(out, "  {}", device.title())?;
            if let Some(export) = &device.export {
                writeln!(out, "      {}", export_text(export))?;
            }
            show_uses(device, out)?;
        }
        writeln!(
            out,
            "Imported devices (vhci_hcd {})",
            loaded(self.drivers.vhci)
        )?;
        for port in &self.ports {
            show_port(port, out)?;
        }
        for service in &self.services {
            writeln!(out, "Service {}", service.name)?;
            for line in service.lines() {
                writeln!(out, "  {line}")?;
            }
        }
        Ok(())
    }
}

fn export_text(export: &Export) -> String {
    match export {
        Export::NotBound { reason } => format!("not exported: {reason}"),
        Export::Available => "exported, available".to_owned(),
        Export::Error => "exported, in error: unbind and bind it".to_owned(),
        Export::InUse { peers } => match peers.as_slice() {
            [] => "exported, in use by a client that is not known".to_owned(),
            [peer] => format!("exported, in use by {peer}"),
            peers => format!("exported, in use by one of {}", peers.join(", ")),
        },
    }
}

fn show_port(port: &AttachedPort, out: &mut dyn Write) -> io::Result<()> {
    let title = port.device.as_ref().map(LocalDevice::title);
    let title = title.unwrap_or_else(|| port.state.replace('_', " "));
    writeln!(out, "  port {:02}: {title}", port.port)?;
    match &port.remote {
        Some(remote) => writeln!(
            out,
            "      from {} (port {}), {} there",
            remote.host, remote.tcp_port, remote.busid
        )?,
        None => writeln!(
            out,
            "      from an unknown server: there is no record of it"
        )?,
    }
    port.device
        .as_ref()
        .map_or(Ok(()), |device| show_uses(device, out))
}

fn show_uses(device: &LocalDevice, out: &mut dyn Write) -> io::Result<()> {
    for node in &device.nodes {
        writeln!(out, "      {} {}", node.subsystem, node.shown())?;
    }
    for holder in &device.holders {
        writeln!(out, "      {}", printable(holder.to_string().as_bytes()))?;
    }
    Ok(())
}
