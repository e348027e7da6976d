// SPDX-License-Identifier: GPL-2.0

//! Local devices that could be exported.

use std::io::{self, Write};

use log::debug;
use usbip_identity::{Identity, Match, Selector};
use usbip_logger::Reason;
use usbip_sysfs::{Device, VHCI_DRIVER};

use super::{write_device, Format};
use crate::answer::{self, Answer, Devices};
use crate::choice::fits;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::local_device::LocalDevice;
use crate::names::LOCAL_TEXT_LEN;
use crate::report::{fail, USBIP};

/// Lists all devices that fit but hubs, interfaces and imported ones.
pub fn list(
    environment: &Environment,
    format: Format,
    selector: &Selector,
    out: &mut dyn Write,
) -> Outcome {
    let devices = devices(environment, selector);
    if format == Format::Json {
        let devices = devices.iter();
        let devices = devices.map(|device| LocalDevice::read(environment, device));
        let answer = Answer {
            devices: Some(Devices::Local(devices.collect())),
            ..Answer::default()
        };
        return answer::write(out, "list", answer, None);
    }
    for device in devices {
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
                let text = format!("problem getting device attributes: {reason}");
                return Err(fail(text).into());
            }
        }
    }
    Ok(())
}

fn devices(environment: &Environment, selector: &Selector) -> Vec<Device> {
    let mut devices = environment.sysfs.usb_devices();
    devices.retain(|device| {
        if !device.is_plain() {
            return false;
        }
        if device.is_imported() {
            let devpath = device.devpath();
            debug!(target: USBIP, "Skip the device {devpath} already attached to {VHCI_DRIVER}\n");
            return false;
        }
        selector.is_empty() || {
            let identity = Identity::of_local(device);
            fits(environment, selector, &identity) == Match::Yes
        }
    });
    devices
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
