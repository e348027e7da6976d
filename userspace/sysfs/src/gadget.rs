// SPDX-License-Identifier: GPL-2.0

//! Gadgets on virtual device controllers (usbip-vudc).

use std::io;

use usbip_protocol::op::{BusIdText, PathText, UsbClass, UsbDevice};

use crate::{attribute, Device, ExportedDevice, Speed, Sysfs};

/// Name of the virtual device controller's platform driver.
const VUDC_DRIVER: &str = "usbip-vudc";

/// Bytes of a USB device descriptor.
const DESCRIPTOR_LEN: usize = 18;

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
        let records = self.vudc_devices().into_iter().map(|device| {
            let record = read_record(&device)?;
            Ok(Gadget {
                name: device.sysname().to_owned(),
                id_vendor: record.id_vendor,
                id_product: record.id_product,
            })
        });
        records.collect()
    }

    /// The gadgets as devices that can be exported, in libudev's order; those that cannot be read
    /// are left out.
    pub fn exported_gadgets(&self) -> Vec<ExportedDevice> {
        let devices = self.vudc_devices().into_iter().filter_map(|device| {
            let record = read_record(&device).ok()?;
            ExportedDevice::of_gadget(device, record).ok()
        });
        devices.collect()
    }

    fn vudc_devices(&self) -> Vec<Device> {
        let mut devices = self.platform_devices();
        devices.retain(|device| device.driver().as_deref() == Some(VUDC_DRIVER));
        devices
    }
}

/// The record of a gadget (`usbip_device_driver.c:read_usb_vudc_device`): it is on no bus and its
/// interfaces are not told.
fn read_record(device: &Device) -> io::Result<UsbDevice> {
    let descriptor = attribute::read(&device.path("dev_desc"))?;
    let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let descriptor: &[u8; DESCRIPTOR_LEN] = descriptor.first_chunk().ok_or_else(short)?;
    let &[_, _, _, _, class, subclass, protocol, _, v0, v1, p0, p1, d0, d1, _, _, _, configurations] =
        descriptor;
    let name = device.sysname();
    let speed = device.attribute(&format!("udc/{name}/current_speed"));
    Ok(UsbDevice {
        path: PathText::new(device.syspath().as_bytes()),
        busid: BusIdText::new(name.as_bytes()),
        busnum: 0,
        devnum: 0,
        speed: Speed::from_gadget(&speed.unwrap_or_default()).number(),
        id_vendor: u16::from_le_bytes([v0, v1]),
        id_product: u16::from_le_bytes([p0, p1]),
        bcd_device: u16::from_le_bytes([d0, d1]),
        class: UsbClass([class, subclass, protocol]),
        configuration_value: 0,
        num_configurations: configurations,
        num_interfaces: 0,
    })
}
