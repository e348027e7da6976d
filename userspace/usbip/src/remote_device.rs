// SPDX-License-Identifier: GPL-2.0

//! A device on offer, for `--json`.

use serde::Serialize;
use usbip_sysfs::Speed;

use crate::environment::Environment;
use crate::list::printable;
use crate::local_device::class_text;
use crate::offer::Offered;

/// What a server tells of a device; part of the JSON schema.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteDevice {
    /// Name to attach it by.
    busid: String,
    /// Directory in the server's sysfs.
    path: String,
    /// `idVendor` and `idProduct`.
    id: String,
    /// Name of the vendor in our `usb.ids`.
    vendor: Option<String>,
    /// Name of the product in our `usb.ids`.
    product: Option<String>,
    /// Mbit/s.
    speed: Option<&'static str>,
    /// Class, subclass and protocol of the device.
    class: String,
    /// The server's bus number.
    busnum: u32,
    /// The server's device number.
    devnum: u32,
    /// Those of each interface; none for a device that was exported and never imported.
    interfaces: Vec<RemoteInterface>,
}

/// One interface.
#[derive(Clone, Debug, Serialize)]
struct RemoteInterface {
    class: String,
}

impl RemoteDevice {
    /// Names and spells what the server told.
    pub fn new(environment: &Environment, offered: &Offered) -> Self {
        let record = &offered.record;
        let (vendor, product) = (record.id_vendor, record.id_product);
        let interfaces = offered.interfaces.iter();
        Self {
            busid: printable(record.busid.as_bytes()),
            path: printable(record.path.as_bytes()),
            id: format!("{vendor:04x}:{product:04x}"),
            vendor: environment.names.vendor(vendor),
            product: environment.names.product_name(vendor, product),
            speed: Speed::from_number(record.speed).mbps(),
            class: class_text(record.class.0),
            busnum: record.busnum,
            devnum: record.devnum,
            interfaces: interfaces
                .map(|class| RemoteInterface {
                    class: class_text(class.0),
                })
                .collect(),
        }
    }
}
