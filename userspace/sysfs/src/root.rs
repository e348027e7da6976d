// SPDX-License-Identifier: GPL-2.0

//! Entry point: a mounted sysfs or a test's imitation of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::order::compare_paths;
use crate::{BusId, Device, ExportedDevice, HostDriver, Vhci, VhciError};

/// A sysfs tree.
#[derive(Clone, Debug)]
pub struct Sysfs {
    root: PathBuf,
}

impl Sysfs {
    /// The tree below `root`, normally `/sys`. Without such a directory nothing is ever found.
    pub fn new(root: &Path) -> Self {
        Self {
            root: fs::canonicalize(root).unwrap_or_else(|_| root.to_owned()),
        }
    }

    /// The USB device or interface of that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    pub fn usb_device(&self, busid: &BusId) -> io::Result<Device> {
        self.device("usb", busid.as_str())
    }

    /// All USB devices and interfaces, in libudev's order; empty without the USB subsystem.
    pub fn usb_devices(&self) -> Vec<Device> {
        self.devices("usb")
    }

    /// The platform device of that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    pub fn platform_device(&self, name: &str) -> io::Result<Device> {
        self.device("platform", name)
    }

    /// All platform devices, in libudev's order.
    pub fn platform_devices(&self) -> Vec<Device> {
        self.devices("platform")
    }

    /// The server's driver files, present or not.
    pub fn host_driver(&self) -> HostDriver {
        HostDriver::new(&self.root.join("bus/usb/drivers"))
    }

    /// The devices bound to usbip-host, in libudev's order; those that vanish are left out.
    pub fn exported_devices(&self) -> Vec<ExportedDevice> {
        let mut devices = self.usb_devices();
        devices.retain(|device| device.driver().as_deref() == Some(crate::HOST_DRIVER));
        devices
            .into_iter()
            .filter_map(|device| ExportedDevice::read(self, device).ok())
            .collect()
    }

    /// The virtual host controllers.
    ///
    /// # Errors
    /// See [`VhciError`].
    pub fn vhci(&self) -> Result<Vhci, VhciError> {
        Vhci::open(self)
    }

    fn bus_devices(&self, bus: &str) -> PathBuf {
        self.root.join("bus").join(bus).join("devices")
    }

    fn device(&self, bus: &str, name: &str) -> io::Result<Device> {
        Device::open(&self.root, &self.bus_devices(bus).join(name))
    }

    fn devices(&self, bus: &str) -> Vec<Device> {
        let entries = fs::read_dir(self.bus_devices(bus)).into_iter().flatten();
        let mut devices: Vec<_> = entries
            .filter_map(|entry| Device::open(&self.root, &entry.ok()?.path()).ok())
            .collect();
        devices.sort_by(|a, b| compare_paths(a.devpath(), b.devpath()));
        devices
    }
}
