// SPDX-License-Identifier: GPL-2.0

//! `bench wait`: devices that are about to appear.

use crate::sysfs::Device;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Prints the busids of all such devices that are not exported, in one line, when as many as are wanted (1)
/// have a configuration.
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let (place, product, count) = match arguments {
        [place, product] => (place, product, 1),
        [place, product, count] => (place, product, count.parse().map_err(io::Error::other)?),
        _ => return Err(io::Error::other("wanted: plugged|imported PRODUCT [COUNT]")),
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
        let found = Device::all()?.into_iter().filter(is_wanted);
        let busids: Vec<String> = found.map(|device| device.0).collect();
        if busids.len() >= count {
            println!("{}", busids.join(" "));
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::other(format!(
                "{} of {count} such devices after {PATIENCE:?}",
                busids.len()
            )));
        }
        thread::sleep(PAUSE);
    }
}
