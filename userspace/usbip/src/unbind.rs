// SPDX-License-Identifier: GPL-2.0

//! `usbip unbind`: stop exporting a local device.

use std::ffi::OsString;

use log::info;
use usbip_sysfs::{Device, HOST_DRIVER};

use crate::cause::{Cause, Kind};
use crate::choice;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::options::{command, read, text, value};
use crate::report::{fail, Reported, USBIP};

/// Usage text.
pub const USAGE: &str = "usbip unbind <args>
    -b, --busid=<busid>    Unbind usbip-host.ko from device on <busid>
";

/// The command line.
pub fn cli() -> clap::Command {
    let busid = value("busid", 'b', "BUSID", "The device on this bus id");
    command("unbind", "Stop exporting a USB device", [busid]).args(choice::options())
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString]) -> Outcome {
    let (_, matches) = read(&cli(), args, &["busid"])?;
    let busid = match (text(&matches, "busid"), choice::selector(&matches)?) {
        (Some(busid), None) => busid,
        (None, Some(selector)) => choice::local(environment, &selector, is_exported)?,
        (Some(_), Some(_)) => return Err(choice::twice()),
        (None, None) => return Err(choice::none()),
    };
    Ok(unbind(environment, &busid)?)
}

fn is_exported(device: &Device) -> bool {
    device.driver().as_deref() == Some(HOST_DRIVER)
}

/// All three writes are needed; the last is the one that frees the place in the match table.
fn unbind(environment: &Environment, text: &str) -> Result<(), Reported> {
    let (busid, device) = environment.local_device(text)?;
    if !is_exported(&device) {
        return Err(
            fail("device is not bound to usbip-host driver").because(Cause::new(
                Kind::NotBound,
                format!("{busid} is not exported"),
                "see what is with \"usbip status\"",
            )),
        );
    }
    let driver = environment.sysfs.host_driver();
    driver.unbind_from(HOST_DRIVER, &busid).map_err(|error| {
        fail(format_args!("error unbinding device {busid} from driver"))
            .because(Cause::kernel("unbind", &error))
    })?;
    driver.remove_match(&busid).map_err(|error| {
        fail(format_args!("unable to unbind device on {busid}"))
            .because(Cause::kernel("match_busid", &error))
    })?;
    driver
        .rebind(&busid)
        .map_err(|error| fail("error rebinding").because(Cause::kernel("rebind", &error)))?;
    info!(target: USBIP, "unbind device on busid {busid}: complete");
    Ok(())
}
