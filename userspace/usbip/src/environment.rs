// SPDX-License-Identifier: GPL-2.0

//! Places the tool reads and writes.

use std::env;
use std::path::PathBuf;

use usbip_client::Records;
use usbip_net::TcpPort;
use usbip_sysfs::{BusId, Device, Sysfs, Vhci, VhciError, HOST_DRIVER, VHCI_DRIVER};

use crate::cause::{Cause, Kind};
use crate::imported::{not_open, report_vhci};
use crate::modules::Loader;
use crate::names::Names;
use crate::report::{fail, Reported};

/// Where the tool works. Environment variables move it elsewhere, for tests: `USBIP_SYSFS` (instead
/// of `/sys`), `USBIP_STATE` (`/var/run/vhci_hcd`), `USBIP_IDS` (the places where distributions
/// keep `usb.ids`), `USBIP_PROC` (`/proc`), `USBIP_DEV` (`/dev`), `USBIP_MODPROBE` (the kernel's own
/// module loader).
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
    /// Processes, mounts, connections.
    pub proc: PathBuf,
    /// Device files.
    pub dev: PathBuf,
    loader: Loader,
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
            proc: place("USBIP_PROC").unwrap_or_else(|| "/proc".into()),
            dev: place("USBIP_DEV").unwrap_or_else(|| "/dev".into()),
            loader: Loader::new(place("USBIP_MODPROBE")),
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
            .ok_or_else(|| {
                fail("device with the specified bus ID does not exist").because(Cause::new(
                    Kind::NoMatch,
                    format!("nothing is plugged in at '{text}'"),
                    "see what there is with \"usbip list -l\"",
                ))
            })
    }

    /// Loads the server's driver if it is missing.
    ///
    /// # Errors
    /// Why that failed.
    pub fn need_host_driver(&self) -> Result<(), String> {
        let driver = self.sysfs.host_driver();
        if driver.is_loaded() {
            return Ok(());
        }
        self.loader.load(HOST_DRIVER)?;
        match driver.is_loaded() {
            true => Ok(()),
            false => Err(format!("there is no driver {HOST_DRIVER} afterwards")),
        }
    }

    /// The virtual host controllers. Their driver is loaded if it is missing.
    ///
    /// # Errors
    /// When there are none; told.
    pub fn vhci(&self) -> Result<Vhci, Reported> {
        let error = match self.sysfs.vhci() {
            Ok(vhci) => return Ok(vhci),
            Err(error) => error,
        };
        let VhciError::NotLoaded = error else {
            return Err(report_vhci(&error));
        };
        match self.loader.load(VHCI_DRIVER) {
            Ok(()) => self.sysfs.vhci().map_err(|error| report_vhci(&error)),
            Err(reason) => {
                Err(not_open(&error).because(Cause::module_absent(VHCI_DRIVER, &reason)))
            }
        }
    }
}
