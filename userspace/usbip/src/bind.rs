// SPDX-License-Identifier: GPL-2.0

//! `usbip bind`: export a local device.

use std::ffi::OsString;

use log::info;
use usbip_logger::Reason;
use usbip_sysfs::{BusId, Device, HostDriver, HOST_DRIVER, VHCI_DRIVER};

use crate::advice;
use crate::command::{BadArguments, Outcome};
use crate::environment::Environment;
use crate::options::{first_acting, parser, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip bind <args>
    -b, --busid=<busid>    Bind usbip-host.ko to device on <busid>
";

/// Hubs cannot be exported.
const HUB_CLASS: &str = "09";

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let parser = parser([value("busid", 'b')]);
    let (name, matches) = first_acting(&parser, args, &["busid"]).ok_or(BadArguments)?;
    let busid = text(&matches, name).ok_or(BadArguments)?;
    Ok(bind(environment, &busid))
}

fn bind(environment: &Environment, text: &str) -> Result<(), Reported> {
    let (busid, device) = environment.local_device(text)?;
    if device.is_imported() {
        let devpath = device.devpath();
        return Err(fail(format_args!(
            "bind loop detected: device: {devpath} is attached to {VHCI_DRIVER}\n"
        )));
    }
    let driver = environment.sysfs.host_driver();
    free_device(&driver, &device, &busid)?;
    take_device(&driver, &busid)?;
    info!(target: USBIP, "bind device on busid {busid}: complete");
    Ok(())
}

/// Takes the device away from its present driver.
fn free_device(driver: &HostDriver, device: &Device, busid: &BusId) -> Result<(), Reported> {
    let refuse = || {
        fail(format_args!(
            "could not unbind driver from device on busid {busid}"
        ))
    };
    let class = device.attribute("bDeviceClass").map_err(|_| refuse())?;
    if HUB_CLASS.starts_with(&class) {
        return Err(refuse());
    }
    match device.driver() {
        None => Ok(()),
        Some(present) if present.starts_with(HOST_DRIVER) => Err(fail(format_args!(
            "device on busid {busid} is already bound to {HOST_DRIVER}"
        ))),
        Some(present) => driver.unbind_from(&present, busid).map_err(|error| {
            fail(format_args!("error unbinding device {busid} from driver"));
            advice::privilege(&error);
            refuse()
        }),
    }
}

/// Gives the device, which has no driver now, to usbip-host. As in C it stays without a driver
/// when that fails: a module loaded later is then offered the device.
fn take_device(driver: &HostDriver, busid: &BusId) -> Result<(), Reported> {
    driver.add_match(busid).map_err(|error| {
        let reported = fail(format_args!("unable to bind device on {busid}"));
        if driver.is_loaded() {
            info!(target: USBIP, "match_busid: {}", Reason(&error));
            advice::privilege(&error);
        } else {
            advice::load_module(HOST_DRIVER);
        }
        reported
    })?;
    driver.bind(busid).map_err(|error| {
        let reason = Reason(&error);
        fail(format_args!(
            "error binding device {busid} to driver: {reason}"
        ));
        // The table entry is of no use now; that it cannot be removed changes nothing.
        let _ = driver.remove_match(busid);
        fail(format_args!("could not bind device to {HOST_DRIVER}"))
    })
}
