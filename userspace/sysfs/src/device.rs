// SPDX-License-Identifier: GPL-2.0

//! One device directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::attribute;

/// `bDeviceClass` of hubs.
const HUB_CLASS: &str = "09";

/// A directory below `/sys/devices`.
#[derive(Clone, Debug)]
pub struct Device {
    dir: PathBuf,
    devpath: String,
}

impl Device {
    /// Follows `link` to a device directory below `root`, which must be canonical.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such device or it lies outside `root`.
    pub(crate) fn open(root: &Path, link: &Path) -> io::Result<Self> {
        let dir = fs::canonicalize(link)?;
        let inside = dir.strip_prefix(root).ok().and_then(Path::to_str);
        match inside {
            Some(inside) if dir.is_dir() => Ok(Self {
                devpath: format!("/{inside}"),
                dir,
            }),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Last component of the path: the bus id of a USB device.
    pub fn sysname(&self) -> &str {
        self.devpath.rsplit('/').next().unwrap_or_default()
    }

    /// Path without the mount point: `/devices/pci0000:00/...`.
    pub fn devpath(&self) -> &str {
        &self.devpath
    }

    /// Path as seen on a real system, whatever directory the tree stands on: `/sys/devices/...`.
    pub fn syspath(&self) -> String {
        format!("/sys{}", self.devpath)
    }

    /// Whether the device is an imported one (C: `vhci_hcd` somewhere in the devpath).
    pub fn is_imported(&self) -> bool {
        self.devpath.contains(crate::VHCI_DRIVER)
    }

    /// Whether this is a USB device that could be exported: no hub, no interface.
    pub fn is_plain(&self) -> bool {
        self.attribute("bInterfaceNumber").is_err()
            && self
                .attribute("bDeviceClass")
                .is_ok_and(|class| class != HUB_CLASS)
    }

    /// Name of the driver the device is bound to.
    pub fn driver(&self) -> Option<String> {
        let target = fs::read_link(self.dir.join("driver")).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Whether the directory is still there.
    pub fn exists(&self) -> bool {
        self.dir.is_dir()
    }

    /// Text of an attribute without trailing line ends.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn attribute(&self, name: &str) -> io::Result<String> {
        attribute::read_text(&self.path(name))
    }

    /// Path of an attribute or child.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The device of that name right below this one.
    pub(crate) fn child(&self, name: &str) -> Self {
        Self {
            dir: self.dir.join(name),
            devpath: format!("{}/{name}", self.devpath),
        }
    }

    /// Directory that holds the device and its siblings.
    pub(crate) fn parent_dir(&self) -> Option<&Path> {
        self.dir.parent()
    }
}
