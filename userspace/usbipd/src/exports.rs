// SPDX-License-Identifier: GPL-2.0

//! The devices on offer.

use usbip_sysfs::{ExportStatus, ExportedDevice, Sysfs};

/// Reads the devices on offer, in the order C sends them: the reverse of libudev's.
pub fn read(sysfs: &Sysfs) -> Vec<ExportedDevice> {
    let mut devices = sysfs.exported_devices();
    devices.reverse();
    devices
}

/// Whether clients get to see the device: not while another client has it.
pub fn is_listed(device: &ExportedDevice) -> bool {
    device.status != ExportStatus::Used
}
