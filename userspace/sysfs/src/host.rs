// SPDX-License-Identifier: GPL-2.0

//! Files of USB device drivers, those of usbip-host in particular.

use std::io;
use std::path::{Path, PathBuf};

use crate::{attribute, BusId, HOST_DRIVER};

/// `/sys/bus/usb/drivers/usbip-host`, whether or not the module is loaded.
#[derive(Clone, Debug)]
pub struct HostDriver {
    drivers: PathBuf,
}

impl HostDriver {
    pub(crate) fn new(drivers: &Path) -> Self {
        Self {
            drivers: drivers.to_owned(),
        }
    }

    /// Whether the driver is registered.
    pub fn is_loaded(&self) -> bool {
        self.drivers.join(HOST_DRIVER).is_dir()
    }

    /// Takes a device away from any USB device driver.
    ///
    /// # Errors
    /// Those of writing `unbind`; `ENODEV` when that driver does not have the device.
    pub fn unbind_from(&self, driver: &str, busid: &BusId) -> io::Result<()> {
        let file = self.drivers.join(driver).join("unbind");
        attribute::write(&file, busid.as_str())
    }

    /// Allows usbip-host to take the device.
    ///
    /// # Errors
    /// `ENOMEM` when all 16 places are taken, `ENOENT` when the module is not loaded.
    pub fn add_match(&self, busid: &BusId) -> io::Result<()> {
        self.write("match_busid", &format!("add {busid}"))
    }

    /// Withdraws [`Self::add_match`].
    ///
    /// # Errors
    /// `ENODEV` when the name is not in the table.
    pub fn remove_match(&self, busid: &BusId) -> io::Result<()> {
        self.write("match_busid", &format!("del {busid}"))
    }

    /// Binds a device that has no driver.
    ///
    /// # Errors
    /// That of the probe: `ENODEV` for a hub, a name not allowed, or a port in use.
    pub fn bind(&self, busid: &BusId) -> io::Result<()> {
        self.write("bind", busid.as_str())
    }

    /// Offers the device to all other drivers and frees its place in the table.
    ///
    /// # Errors
    /// `ENODEV` when the name is not in the table.
    pub fn rebind(&self, busid: &BusId) -> io::Result<()> {
        self.write("rebind", busid.as_str())
    }

    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        attribute::write(&self.drivers.join(HOST_DRIVER).join(name), value)
    }
}
