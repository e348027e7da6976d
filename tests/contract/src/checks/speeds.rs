// SPDX-License-Identifier: GPL-2.0

//! Devices of every speed, as sysfs shows them.

use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;

const FILES: &[&str] = &[
    "speed",
    "version",
    "devpath",
    "maxchild",
    "bMaxPacketSize0",
    "bConfigurationValue",
    "bNumInterfaces",
    "bMaxPower",
    "bmAttributes",
    "manufacturer",
    "product",
    "serial",
    "idVendor",
    "idProduct",
    "bcdDevice",
    "descriptors",
    "urbnum",
    "removable",
    "rx_lanes",
    "tx_lanes",
    "ltm_capable",
    "power/control",
    "power/wakeup",
    "power/runtime_status",
];

const SPEEDS: &[(&str, Speed)] = &[
    ("low", Speed::Low),
    ("full", Speed::Full),
    ("high", Speed::High),
    ("wireless", Speed::Wireless),
    ("super", Speed::Super),
    ("super-plus", Speed::SuperPlus),
];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("speeds", &[Role::Vhci], |report| {
        for ((name, speed), port) in SPEEDS.iter().zip(1..) {
            report.check(&format!("speeds.{name}"), move || device(*speed, port));
        }
        for (name, before, after) in [
            ("full-after-high", Speed::High, Speed::Full),
            ("high-after-full", Speed::Full, Speed::High),
            ("low-after-high", Speed::High, Speed::Low),
            ("low-after-full", Speed::Full, Speed::Low),
            ("high-after-low", Speed::Low, Speed::High),
        ] {
            report.check(&format!("speeds.{name}"), move || sequence(before, after));
        }
        report.check("speeds.every-port-of-both-hubs", every_port);
    });
}

/// The row of a device's port and its files. On a port that has had no other speed.
fn device(speed: Speed, port: u32) -> Outcome {
    let import = Import::configured_at(speed, port)?;
    let outcome = format!("{}; {}", import.row(), import.attributes(FILES));
    Ok(format!("{outcome}; {}", import.detach()))
}

/// Two devices one after the other on the same port; how often the second had to be addressed shows
/// whether the first one left something behind.
fn sequence(before: Speed, after: Speed) -> Outcome {
    let import = Import::configured(before)?;
    let folder = import.folder();
    drop(import);
    // usbcore looks at the port for a while longer, and takes what comes then for the same device.
    limit::wait_until(|| !folder.exists());
    limit::settle();
    let import = Import::configured(after)?;
    let requests = import.server.seen().len();
    Ok(format!(
        "{}, {requests} requests",
        import.attributes(&["speed", "descriptors"])
    ))
}

/// A device on each port of the first controller at the same time.
fn every_port() -> Outcome {
    let mut imports = Vec::new();
    let vhci = crate::vhci::Vhci;
    for speed in [Speed::High, Speed::Super] {
        for index in 0..vhci.hub_ports() {
            imports.push(Import::attach(speed, index)?);
        }
    }
    let configured = imports
        .iter()
        .filter(|import| import.wait_configured())
        .count();
    let first = imports.first().map(Import::busid).unwrap_or_default();
    let last = imports.last().map(Import::busid).unwrap_or_default();
    Ok(format!(
        "{configured} of {}, {first} to {last}",
        imports.len()
    ))
}
