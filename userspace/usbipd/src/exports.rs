// SPDX-License-Identifier: GPL-2.0

//! The devices on offer.

use usbip_sysfs::{ExportStatus, ExportedDevice, Sysfs};

use crate::options::Mode;

/// Where the devices on offer are found.
#[derive(Clone, Debug)]
pub struct Exports {
    sysfs: Sysfs,
    mode: Mode,
}

impl Exports {
    /// Those of one kind.
    pub fn new(sysfs: Sysfs, mode: Mode) -> Self {
        Self { sysfs, mode }
    }

    /// Reads the devices on offer, in the order C sends them: the reverse of libudev's.
    pub fn read(&self) -> Vec<ExportedDevice> {
        let mut devices = match self.mode {
            Mode::Host => self.sysfs.exported_devices(),
            Mode::Device => self.sysfs.exported_gadgets(),
        };
        devices.reverse();
        devices
    }
}

/// Whether clients get to see the device: not while another client has it.
pub fn is_listed(device: &ExportedDevice) -> bool {
    device.status != ExportStatus::Used
}
