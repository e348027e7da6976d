// SPDX-License-Identifier: GPL-2.0

//! `usbip bind`: export a local device.

use std::ffi::OsString;

use log::info;
use usbip_holder::holders;
use usbip_logger::Reason;
use usbip_sysfs::{BusId, Device, HostDriver, HOST_DRIVER, VHCI_DRIVER};

use crate::cause::{Cause, Kind};
use crate::choice;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::options::{command, own_flag, read, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip bind <args>
    -b, --busid=<busid>    Bind usbip-host.ko to device on <busid>
";

/// Hubs cannot be exported.
const HUB_CLASS: &str = "09";

/// The command line.
pub fn cli() -> clap::Command {
    let options = [
        value("busid", 'b', "BUSID", "The device on this bus id"),
        own_flag("force", "Take the device even if it is in use"),
    ];
    command("bind", "Export a USB device of this machine", options).args(choice::options())
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let (_, matches) = read(&cli(), args, &["busid"])?;
    let busid = match (text(&matches, "busid"), choice::selector(&matches)?) {
        (Some(busid), None) => busid,
        (None, Some(selector)) => choice::local(environment, &selector, |_device| true)?,
        (Some(_), Some(_)) => return Err(choice::twice()),
        (None, None) => return Err(choice::none()),
    };
    Ok(bind(environment, &busid, matches.get_flag("force"))?)
}

fn bind(environment: &Environment, text: &str, force: bool) -> Result<(), Reported> {
    let (busid, device) = environment.local_device(text)?;
    if device.is_imported() {
        let devpath = device.devpath();
        return Err(fail(format_args!(
            "bind loop detected: device: {devpath} is attached to {VHCI_DRIVER}\n"
        ))
        .because(Cause::new(
            Kind::NotExportable,
            "the device is one of another machine",
            "export it there",
        )));
    }
    let present = present_driver(&device, &busid)?;
    if present.is_some() && !force {
        refuse_in_use(environment, &device, &busid)?;
    }
    environment.need_host_driver().map_err(|reason| {
        fail(format_args!("unable to bind device on {busid}"))
            .because(Cause::module_absent(HOST_DRIVER, &reason))
    })?;
    let driver = environment.sysfs.host_driver();
    if let Some(present) = present {
        free_device(&driver, &present, &busid)?;
    }
    take_device(&driver, &busid)?;
    info!(target: USBIP, "bind device on busid {busid}: complete");
    Ok(())
}

fn not_freed(busid: &BusId) -> String {
    format!("could not unbind driver from device on busid {busid}")
}

/// The driver the device has to be taken away from.
fn present_driver(device: &Device, busid: &BusId) -> Result<Option<String>, Reported> {
    let class = device.attribute("bDeviceClass");
    if class.is_ok_and(|class| !HUB_CLASS.starts_with(&class)) {
        match device.driver() {
            Some(present) if present.starts_with(HOST_DRIVER) => Err(fail(format_args!(
                "device on busid {busid} is already bound to {HOST_DRIVER}"
            ))),
            present => Ok(present),
        }
    } else {
        Err(fail(not_freed(busid)).because(Cause::new(
            Kind::NotExportable,
            format!("{busid} is a hub"),
            "choose a device that is plugged into it with \"usbip list -l\"",
        )))
    }
}

/// What C does not ask: a file system, for one, would be torn off its mount point.
fn refuse_in_use(
    environment: &Environment,
    device: &Device,
    busid: &BusId,
) -> Result<(), Reported> {
    match holders(&environment.proc, &environment.dev, device).as_slice() {
        [] => Ok(()),
        holders => Err(fail(not_freed(busid)).because(Cause::in_use(holders))),
    }
}

/// Takes the device away from its present driver.
fn free_device(driver: &HostDriver, present: &str, busid: &BusId) -> Result<(), Reported> {
    driver.unbind_from(present, busid).map_err(|error| {
        fail(format_args!("error unbinding device {busid} from driver"))
            .then(not_freed(busid))
            .because(Cause::kernel("unbind", &error))
    })
}

/// Gives the device, which has no driver now, to usbip-host. As in C it stays without a driver
/// when that fails.
fn take_device(driver: &HostDriver, busid: &BusId) -> Result<(), Reported> {
    driver.add_match(busid).map_err(|error| {
        fail(format_args!("unable to bind device on {busid}"))
            .because(Cause::kernel("match_busid", &error))
    })?;
    driver.bind(busid).map_err(|error| {
        let reason = Reason(&error);
        let reported = fail(format_args!(
            "error binding device {busid} to driver: {reason}"
        ));
        // The table entry is of no use now; that it cannot be removed changes nothing.
        let _ = driver.remove_match(busid);
        reported
            .then(format_args!("could not bind device to {HOST_DRIVER}"))
            .because(Cause::kernel("bind", &error))
    })
}
