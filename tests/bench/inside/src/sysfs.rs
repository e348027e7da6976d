// SPDX-License-Identifier: GPL-2.0

//! USB devices as sysfs shows them.

use std::fs;
use std::io;
use std::path::PathBuf;
use usbip_protocol::Direction;

use crate::endpoint;
use crate::plan::Kind;

const DEVICES: &str = "/sys/bus/usb/devices";

/// A device, by its busid.
#[derive(Clone, Debug)]
pub struct Device(pub String);

impl Device {
    /// All devices and interfaces.
    pub fn all() -> io::Result<Vec<Self>> {
        let names = fs::read_dir(DEVICES)?.map(|entry| Ok(entry?.file_name()));
        let names: io::Result<Vec<_>> = names.collect();
        Ok(names?
            .iter()
            .filter_map(|name| name.to_str().map(|name| Self(name.to_owned())))
            .collect())
    }

    /// An attribute, which an interface, or a device that is going, may not have.
    pub fn text(&self, attribute: &str) -> io::Result<String> {
        let path = self.path().join(attribute);
        let text = fs::read_to_string(&path);
        let text =
            text.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        Ok(text.trim_end().to_owned())
    }

    /// Writes an attribute.
    pub fn write(&self, attribute: &str, text: &str) -> io::Result<()> {
        let path = self.path().join(attribute);
        fs::write(&path, text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    /// An attribute that is a number.
    pub fn number(&self, attribute: &str) -> io::Result<u32> {
        let text = self.text(attribute)?;
        text.parse()
            .map_err(|_| io::Error::other(format!("{attribute} of {} is '{text}'", self.0)))
    }

    /// Whether it is behind vhci.
    pub fn is_imported(&self) -> bool {
        fs::canonicalize(self.path()).is_ok_and(|path| path.to_string_lossy().contains("vhci_hcd"))
    }

    /// Whether it is the stub's.
    pub fn is_exported(&self) -> bool {
        let driver = fs::read_link(self.path().join("driver"));
        driver.is_ok_and(|driver| driver.ends_with("usbip-host"))
    }

    /// Its device node.
    pub fn node(&self) -> io::Result<PathBuf> {
        let (bus, number) = (self.number("busnum")?, self.number("devnum")?);
        Ok(PathBuf::from(format!("/dev/bus/usb/{bus:03}/{number:03}")))
    }

    /// What the protocol calls it.
    pub fn devid(&self) -> io::Result<u32> {
        Ok((self.number("busnum")? << 16) | self.number("devnum")?)
    }

    /// The address of the endpoint of interface 0 that transfers of a kind go through.
    pub fn endpoint(&self, kind: Kind, direction: Direction) -> io::Result<u8> {
        let descriptors = fs::read(self.path().join("descriptors"))?;
        endpoint::find(&descriptors, kind, direction)
            .ok_or_else(|| io::Error::other(format!("{} has no such endpoint", self.0)))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(DEVICES).join(&self.0)
    }
}
