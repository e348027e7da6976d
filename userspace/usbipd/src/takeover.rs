// SPDX-License-Identifier: GPL-2.0

//! Taking a device from its driver and giving it back.

use std::fs;
use std::io;
use std::path::Path;

use usbip_holder::holders;
use usbip_logger::Reason;
use usbip_sysfs::{BusId, Device, HostDriver, Sysfs, HOST_DRIVER};

/// The driver every USB device has unless another one wants it.
const GENERIC_DRIVER: &str = "usb";

/// The files to do it with.
pub struct Takeover<'a> {
    root: &'a Path,
    driver: HostDriver,
}

impl<'a> Takeover<'a> {
    /// On the tree below `root`.
    pub fn new(root: &'a Path, sysfs: &Sysfs) -> Self {
        Self {
            root,
            driver: sysfs.host_driver(),
        }
    }

    /// Exports a device. When that fails its own driver gets it again, or keeps it: a place in the
    /// driver's table comes first, for there may be none. A disk in use is left alone, and so is, at
    /// the `first` attempt, a device without a driver: it is about to get one.
    ///
    /// # Errors
    /// In words.
    pub fn take(&self, device: &Device, busid: &BusId, first: bool) -> Result<(), String> {
        let holders = holders(Path::new("/proc"), Path::new("/dev"), device);
        if let Some(holder) = holders.iter().find(|holder| holder.is_disk()) {
            return Err(format!("{holder}: {}", holder.remedy()));
        }
        let present = device.driver();
        if first && present.is_none() {
            return Err("it has no driver yet".to_owned());
        }
        self.driver
            .add_match(busid)
            .map_err(|error| failed("match_busid", &error))?;
        self.switch(present.as_deref(), busid)
            .inspect_err(|_reason| {
                // The reason to tell is the first one.
                let _ = self.driver.remove_match(busid);
                let _ = self.bind_generic(busid);
            })
    }

    fn switch(&self, present: Option<&str>, busid: &BusId) -> Result<(), String> {
        if let Some(present) = present {
            self.driver
                .unbind_from(present, busid)
                .map_err(|error| failed(&format!("unbinding it from {present}"), &error))?;
        }
        self.driver
            .bind(busid)
            .map_err(|error| failed(&format!("binding it to {HOST_DRIVER}"), &error))
    }

    /// Gives a device back to its own driver.
    ///
    /// # Errors
    /// In words.
    pub fn give_back(&self, busid: &BusId) -> Result<(), String> {
        self.driver
            .unbind_from(HOST_DRIVER, busid)
            .map_err(|error| failed("unbinding it", &error))?;
        self.driver
            .remove_match(busid)
            .map_err(|error| failed("match_busid", &error))?;
        self.driver
            .rebind(busid)
            .map_err(|error| failed("rebinding it", &error))
    }

    /// Frees the place of a device that is gone. The C driver keeps it whatever is written, and must
    /// not be told before it has let go of the device: it would never take another one of that name.
    pub fn free_place(&self, busid: &BusId) {
        // Without the driver there is no place either.
        let _ = self.driver.remove_match(busid);
    }

    fn bind_generic(&self, busid: &BusId) -> io::Result<()> {
        let file = self
            .root
            .join("bus/usb/drivers")
            .join(GENERIC_DRIVER)
            .join("bind");
        fs::write(file, busid.as_str())
    }
}

fn failed(what: &str, error: &io::Error) -> String {
    format!("{what}: {}", Reason(error))
}
