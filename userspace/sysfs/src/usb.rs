// SPDX-License-Identifier: GPL-2.0

//! USB descriptor values in sysfs.

use std::num::ParseIntError;

use log::error;
use usbip_protocol::op::{BusIdText, PathText, UsbClass, UsbDevice};

use crate::{attribute, Device, Speed, LOG_TARGET};

impl Device {
    /// Number in a hexadecimal attribute (`idVendor`, `bDeviceClass`); logs and yields 0 when
    /// the attribute is missing or is no number, as `usbip_common.c:read_attr_value` does.
    fn hex<T: HexNumber>(&self, name: &str) -> T {
        self.number(name, T::from_hex)
    }

    /// Number in a decimal attribute; empty means 0, because a device that is not configured has
    /// neither configuration nor interfaces.
    fn decimal(&self, name: &str) -> u8 {
        self.number(name, |text| match text {
            "" => Ok(0),
            text => text.parse(),
        })
    }

    fn number<T: Default>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, ParseIntError>,
    ) -> T {
        let Ok(text) = self.attribute(name) else {
            error!(target: LOG_TARGET, "udev_device_get_sysattr_value failed");
            return T::default();
        };
        parse(text.trim()).unwrap_or_else(|_| {
            error!(target: LOG_TARGET, "sscanf failed for attribute {name}");
            T::default()
        })
    }

    /// Speed of the connection, [`Speed::Unknown`] when unreadable.
    pub fn speed(&self) -> Speed {
        match self.attribute("speed") {
            Ok(text) => Speed::from_sysfs(&text),
            Err(_) => Speed::Unknown,
        }
    }

    /// `idVendor` and `idProduct`, 0 where unreadable.
    pub fn usb_id(&self) -> (u16, u16) {
        (self.hex("idVendor"), self.hex("idProduct"))
    }

    /// The record a server sends about this USB device; unreadable values are 0.
    pub fn usb_record(&self) -> UsbDevice {
        let (id_vendor, id_product) = self.usb_id();
        let busid = self.sysname().parse::<crate::BusId>();
        let class = ["bDeviceClass", "bDeviceSubClass", "bDeviceProtocol"];
        UsbDevice {
            path: PathText::new(self.syspath().as_bytes()),
            busid: BusIdText::new(self.sysname().as_bytes()),
            busnum: busid.ok().and_then(|busid| busid.busnum()).unwrap_or(0),
            devnum: u32::from(self.decimal("devnum")),
            speed: self.speed().number(),
            id_vendor,
            id_product,
            bcd_device: self.hex("bcdDevice"),
            class: UsbClass(class.map(|name| self.hex(name))),
            configuration_value: self.decimal("bConfigurationValue"),
            num_configurations: self.decimal("bNumConfigurations"),
            num_interfaces: self.decimal("bNumInterfaces"),
        }
    }

    /// The device descriptor and all of each configuration; nothing when unreadable.
    pub fn descriptors(&self) -> Vec<u8> {
        attribute::read(&self.path("descriptors")).unwrap_or_default()
    }

    /// What a server tells about this USB interface.
    pub fn interface_class(&self) -> UsbClass {
        let names = [
            "bInterfaceClass",
            "bInterfaceSubClass",
            "bInterfaceProtocol",
        ];
        UsbClass(names.map(|name| self.hex(name)))
    }
}

/// Integers with a hexadecimal form.
trait HexNumber: Default {
    fn from_hex(text: &str) -> Result<Self, ParseIntError>;
}

impl HexNumber for u8 {
    fn from_hex(text: &str) -> Result<Self, ParseIntError> {
        Self::from_str_radix(text, 16)
    }
}

impl HexNumber for u16 {
    fn from_hex(text: &str) -> Result<Self, ParseIntError> {
        Self::from_str_radix(text, 16)
    }
}
