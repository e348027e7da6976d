// SPDX-License-Identifier: GPL-2.0

//! Gadgets on virtual device controllers (usbip-vudc).

use std::io;

use crate::{attribute, Device, Sysfs};

/// Name of the virtual device controller's platform driver.
const VUDC_DRIVER: &str = "usbip-vudc";

/// Offset of `idVendor` in a USB device descriptor; `idProduct` follows. Both little-endian.
const ID_OFFSET: usize = 8;

/// A virtual device controller with a gadget on it.
#[derive(Clone, Debug)]
pub struct Gadget {
    /// Name of the controller, which clients use as bus id.
    pub name: String,
    /// `idVendor` of the gadget.
    pub id_vendor: u16,
    /// `idProduct` of the gadget.
    pub id_product: u16,
}

impl Sysfs {
    /// All gadgets, in libudev's order.
    ///
    /// # Errors
    /// Those of reading a descriptor; a short one is [`io::ErrorKind::UnexpectedEof`].
    pub fn gadgets(&self) -> io::Result<Vec<Gadget>> {
        let mut devices = self.platform_devices();
        devices.retain(|device| device.driver().as_deref() == Some(VUDC_DRIVER));
        devices.iter().map(read).collect()
    }
}

fn read(device: &Device) -> io::Result<Gadget> {
    let descriptor = attribute::read(&device.path("dev_desc"))?;
    let ids = descriptor.get(ID_OFFSET..).and_then(<[u8]>::first_chunk);
    let Some(&[vendor_low, vendor_high, product_low, product_high]) = ids else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    Ok(Gadget {
        name: device.sysname().to_owned(),
        id_vendor: u16::from_le_bytes([vendor_low, vendor_high]),
        id_product: u16::from_le_bytes([product_low, product_high]),
    })
}
