// SPDX-License-Identifier: GPL-2.0

//! Places the tool reads and writes.

use std::env;
use std::path::PathBuf;

use usbip_net::TcpPort;
use usbip_sysfs::{BusId, Device, Sysfs};

use crate::names::Names;
use crate::record::Records;
use crate::report::{fail, Reported};

/// Where the tool works. Three environment variables move it elsewhere, for tests:
/// `USBIP_SYSFS` (instead of `/sys`), `USBIP_STATE` (instead of `/var/run/vhci_hcd`) and
/// `USBIP_IDS` (instead of the list of places where distributions keep `usb.ids`).
#[derive(Debug)]
pub struct Environment {
    /// Device and driver files.
    pub sysfs: Sysfs,
    /// Records of attached ports.
    pub records: Records,
    /// Names of vendors, products and classes.
    pub names: Names,
    /// Port of the server.
    pub tcp_port: TcpPort,
}

impl Environment {
    /// The real system, or what the environment variables say.
    pub fn new(tcp_port: TcpPort) -> Self {
        let place = |variable: &str| env::var_os(variable).map(PathBuf::from);
        Self {
            sysfs: Sysfs::new(&place("USBIP_SYSFS").unwrap_or_else(|| "/sys".into())),
            records: Records::new(place("USBIP_STATE")),
            names: Names::new(place("USBIP_IDS")),
            tcp_port,
        }
    }

    /// The USB device a user named, for commands that act on it.
    ///
    /// # Errors
    /// When there is none; told in the words of `bind` and `unbind`.
    pub fn local_device(&self, text: &str) -> Result<(BusId, Device), Reported> {
        let busid = text.parse::<BusId>().ok();
        busid
            .and_then(|busid| Some((busid.clone(), self.sysfs.usb_device(&busid).ok()?)))
            .ok_or_else(|| fail("device with the specified bus ID does not exist"))
    }
}
