// SPDX-License-Identifier: GPL-2.0

//! `usbip unbind`: stop exporting a local device.

use std::ffi::OsString;
use std::io;

use log::info;
use usbip_sysfs::HOST_DRIVER;

use crate::advice;
use crate::command::{BadArguments, Outcome};
use crate::environment::Environment;
use crate::options::{first_acting, parser, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip unbind <args>
    -b, --busid=<busid>    Unbind usbip-host.ko from device on <busid>
";

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let parser = parser([value("busid", 'b')]);
    let (name, matches) = first_acting(&parser, args, &["busid"]).ok_or(BadArguments)?;
    let busid = text(&matches, name).ok_or(BadArguments)?;
    Ok(unbind(environment, &busid))
}

/// All three writes are needed; the last is the one that frees the place in the match table.
fn unbind(environment: &Environment, text: &str) -> Result<(), Reported> {
    let (busid, device) = environment.local_device(text)?;
    if device.driver().as_deref() != Some(HOST_DRIVER) {
        return Err(fail("device is not bound to usbip-host driver"));
    }
    let driver = environment.sysfs.host_driver();
    let told = |error: io::Error, text: String| {
        let reported = fail(text);
        advice::privilege(&error);
        reported
    };
    driver
        .unbind_from(HOST_DRIVER, &busid)
        .map_err(|error| told(error, format!("error unbinding device {busid} from driver")))?;
    driver
        .remove_match(&busid)
        .map_err(|error| told(error, format!("unable to unbind device on {busid}")))?;
    driver
        .rebind(&busid)
        .map_err(|error| told(error, "error rebinding".to_owned()))?;
    info!(target: USBIP, "unbind device on busid {busid}: complete");
    Ok(())
}
