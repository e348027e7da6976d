// SPDX-License-Identifier: GPL-2.0

//! Devices that clients can have: those bound to usbip-host, and gadgets on usbip-vudc.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use log::error;
use usbip_protocol::op::{UsbClass, UsbDevice};

use crate::{attribute, BusId, Device, Sysfs, LOG_TARGET};

/// Content of `usbip_status` (`include/uapi/linux/usbip.h:usbip_device_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportStatus {
    /// 1, ready for a client.
    Available,
    /// 2, a client uses it.
    Used,
    /// 3, unusable until bound again.
    Error,
    /// Anything else.
    Unknown,
}

impl ExportStatus {
    fn read(device: &Device) -> io::Result<Self> {
        let text = device.attribute("usbip_status")?;
        Ok(match text.as_bytes().first() {
            Some(b'1') => Self::Available,
            Some(b'2') => Self::Used,
            Some(b'3') => Self::Error,
            _ => Self::Unknown,
        })
    }
}

/// A device on offer.
#[derive(Clone, Debug)]
pub struct ExportedDevice {
    device: Device,
    /// The record for clients.
    pub record: UsbDevice,
    /// One entry per interface the record announces; zeros for those that cannot be found.
    pub interfaces: Vec<UsbClass>,
    /// State at the time of reading.
    pub status: ExportStatus,
}

impl ExportedDevice {
    /// Reads everything a client may be told about a device on usbip-host.
    ///
    /// # Errors
    /// Those of reading `usbip_status`: the device is gone or no longer bound.
    pub(crate) fn read(sysfs: &Sysfs, device: Device) -> io::Result<Self> {
        let status = ExportStatus::read(&device)?;
        let record = device.usb_record();
        let interfaces = (0..record.num_interfaces)
            .map(|index| read_interface(sysfs, &device, record.configuration_value, index))
            .collect();
        Ok(Self {
            device,
            record,
            interfaces,
            status,
        })
    }

    /// The same for a gadget, whose record is its own and which tells no interfaces.
    ///
    /// # Errors
    /// Those of reading `usbip_status`.
    pub(crate) fn of_gadget(device: Device, record: UsbDevice) -> io::Result<Self> {
        Ok(Self {
            status: ExportStatus::read(&device)?,
            device,
            record,
            interfaces: Vec::new(),
        })
    }

    /// Name clients ask for.
    pub fn busid(&self) -> &str {
        self.device.sysname()
    }

    /// Gives the connection to the kernel, which takes a reference and starts to read at once.
    ///
    /// # Errors
    /// `EINVAL` from the driver when the device is not available or the socket is no stream.
    pub fn export(&self, socket: impl AsFd) -> io::Result<()> {
        let number = socket.as_fd().as_raw_fd();
        attribute::write(&self.device.path("usbip_sockfd"), &format!("{number}\n"))
    }
}

/// Interface `index` of the active configuration, by the name the USB core gives it.
fn read_interface(sysfs: &Sysfs, device: &Device, configuration: u8, index: u8) -> UsbClass {
    let name = format!("{}:{configuration}.{index}", device.sysname());
    let busid = name.parse::<BusId>();
    match busid.map(|busid| sysfs.usb_device(&busid)) {
        Ok(Ok(interface)) => interface.interface_class(),
        _ => {
            error!(target: LOG_TARGET, "udev_device_new_from_subsystem_sysname {name} failed");
            UsbClass::default()
        }
    }
}
