// SPDX-License-Identifier: GPL-2.0

//! Local devices that could be exported.

use std::io::{self, Write};

use log::debug;
use usbip_logger::Reason;
use usbip_sysfs::{Device, VHCI_DRIVER};

use super::{write_device, Format};
use crate::environment::Environment;
use crate::names::LOCAL_TEXT_LEN;
use crate::report::{fail, Reported, USBIP};

/// Lists all devices but hubs, interfaces and imported ones.
pub fn list(
    environment: &Environment,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Reported> {
    for device in environment.sysfs.usb_devices() {
        if !is_plain_device(&device) {
            continue;
        }
        if device.is_imported() {
            let devpath = device.devpath();
            debug!(target: USBIP, "Skip the device {devpath} already attached to {VHCI_DRIVER}\n");
            continue;
        }
        match identity(&device) {
            Ok([vendor, product]) => {
                let name = || {
                    let number = |id: &str| u16::from_str_radix(id, 16).unwrap_or(0);
                    let ids = (number(&vendor), number(&product));
                    environment.names.product(ids.0, ids.1, LOCAL_TEXT_LEN)
                };
                write_device(out, format, device.sysname(), [&vendor, &product], name)?;
            }
            // Unplugged since the directory was read.
            Err(_) if !device.exists() => {}
            Err(error) => {
                let reason = Reason(&error);
                return Err(fail(format_args!(
                    "problem getting device attributes: {reason}"
                )));
            }
        }
    }
    Ok(())
}

fn is_plain_device(device: &Device) -> bool {
    device.attribute("bInterfaceNumber").is_err()
        && device
            .attribute("bDeviceClass")
            .is_ok_and(|class| class != "09")
}

/// Vendor and product id as text. The other two must exist, as in C, though they are not shown.
fn identity(device: &Device) -> io::Result<[String; 2]> {
    let ids = [
        device.attribute("idVendor")?,
        device.attribute("idProduct")?,
    ];
    device.attribute("bConfigurationValue")?;
    device.attribute("bNumInterfaces")?;
    Ok(ids)
}
