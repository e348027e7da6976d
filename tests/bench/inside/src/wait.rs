// SPDX-License-Identifier: GPL-2.0

//! `bench wait`: devices that are about to appear.

use crate::sysfs::Device;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Prints the busid of a device that is not exported, when it has a configuration.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [place, product] = arguments else {
        return Err(io::Error::other("wanted: plugged|imported PRODUCT"));
    };
    let is_wanted = |device: &Device| {
        device.text("idProduct").is_ok_and(|id| id == *product)
            && device.is_imported() == (*place == "imported")
            && !device.is_exported()
            && device
                .text("bConfigurationValue")
                .is_ok_and(|value| !value.is_empty())
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(device) = Device::all()?.into_iter().find(is_wanted) {
            println!("{}", device.0);
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::other(format!(
                "no such device after {PATIENCE:?}"
            )));
        }
        thread::sleep(PAUSE);
    }
}
