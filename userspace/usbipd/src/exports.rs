// SPDX-License-Identifier: GPL-2.0

//! The devices on offer.

use log::info;
use usbip_sysfs::{ExportStatus, ExportedDevice, Sysfs, HOST_DRIVER};

use crate::USBIPD;

/// Reads the devices on offer, in the order C sends them: the reverse of libudev's.
pub fn read(sysfs: &Sysfs) -> Vec<ExportedDevice> {
    let mut devices = sysfs.exported_devices();
    devices.reverse();
    devices
}

/// Tells at start what is missing; the daemon runs without it, for devices may be bound later.
pub fn check(sysfs: &Sysfs) {
    if !sysfs.host_driver().is_loaded() {
        info!(target: USBIPD, "to load the module run \"modprobe {HOST_DRIVER}\" as root");
    }
}

/// Whether clients get to see the device: not while another client has it.
pub fn is_listed(device: &ExportedDevice) -> bool {
    device.status != ExportStatus::Used
}
