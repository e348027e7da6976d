// SPDX-License-Identifier: GPL-2.0

//! What a device is.

use serde::{Deserialize, Serialize};
use usbip_protocol::op::{UsbClass, UsbDevice};
use usbip_sysfs::Device;

use crate::{interface_classes, DeviceId};

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name on its bus.
    pub busid: String,
    /// Vendor and product number.
    pub id: DeviceId,
    /// Serial number; `None` when it has none, or when that is not known.
    pub serial: Option<String>,
    /// Name the device gives itself; `None` as above.
    pub product: Option<String>,
    /// Class, subclass and protocol of the device and of each interface.
    pub classes: Vec<[u8; 3]>,
    /// Whether serial number and product name have been asked for.
    pub strings_known: bool,
}

impl Identity {
    /// Reads a local device. One without an active configuration, as exported ones are, has no
    /// interfaces in sysfs; its descriptors tell what it will have.
    pub fn of_local(device: &Device) -> Self {
        let (vendor, product) = device.usb_id();
        let record = device.usb_record();
        let interfaces = device.interfaces();
        let mut classes = vec![record.class.0];
        match interfaces.as_slice() {
            [] => classes.extend(interface_classes(&device.descriptors())),
            interfaces => classes.extend(interfaces.iter().map(|one| one.interface_class().0)),
        }
        Self {
            busid: device.sysname().to_owned(),
            id: DeviceId { vendor, product },
            serial: device.attribute("serial").ok(),
            product: device.attribute("product").ok(),
            classes,
            strings_known: true,
        }
    }

    /// What a server's device list tells; strings are not part of it.
    pub fn of_remote(record: &UsbDevice, interfaces: &[UsbClass]) -> Self {
        let classes = std::iter::once(&record.class).chain(interfaces);
        Self {
            busid: String::from_utf8_lossy(record.busid.as_bytes()).into_owned(),
            id: DeviceId {
                vendor: record.id_vendor,
                product: record.id_product,
            },
            serial: None,
            product: None,
            classes: classes.map(|class| class.0).collect(),
            strings_known: false,
        }
    }

    /// Whether the classes of its interfaces are known: every device has interfaces, but a server
    /// does not list those of a device without an active configuration.
    pub fn interfaces_known(&self) -> bool {
        self.classes.len() > 1
    }
}
