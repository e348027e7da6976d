// SPDX-License-Identifier: GPL-2.0

//! The virtual host controllers.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use log::error;
use thiserror::Error;

use crate::{attribute, DevId, Device, Port, PortRow, Sysfs, LOG_TARGET};

/// Why no virtual host controller can be used. Texts as in `vhci_driver.c`.
#[derive(Debug, Error)]
pub enum VhciError {
    /// No platform device `vhci_hcd.0`: the module is not loaded.
    #[error("udev_device_new_from_subsystem_sysname failed")]
    NotLoaded,
    /// `nports` is missing or unreadable.
    #[error("udev_device_get_sysattr_value nports failed")]
    PortCount(#[source] io::Error),
    /// `nports` is not a positive number.
    #[error("no available ports")]
    NoPorts,
    /// No directory of a controller.
    #[error("no available usb controllers")]
    NoControllers,
    /// No `status` file could be read.
    #[error("udev_device_get_sysattr_value failed")]
    Status(#[source] io::Error),
}

/// All virtual host controllers; the files of controller 0 speak for every one.
#[derive(Clone, Debug)]
pub struct Vhci {
    device: Device,
    port_count: u32,
    controllers: usize,
}

impl Vhci {
    pub(crate) fn open(sysfs: &Sysfs) -> Result<Self, VhciError> {
        let name = format!("{}.0", crate::VHCI_DRIVER);
        let device = sysfs
            .platform_device(&name)
            .map_err(|_| VhciError::NotLoaded)?;
        let port_count = device.attribute("nports").map_err(VhciError::PortCount)?;
        let controllers = count_controllers(&device);
        match (port_count.trim().parse(), controllers) {
            (Err(_) | Ok(0), _) => Err(VhciError::NoPorts),
            (Ok(_), 0) => Err(VhciError::NoControllers),
            (Ok(port_count), controllers) => Ok(Self {
                device,
                port_count,
                controllers,
            }),
        }
    }

    /// Number of ports over all controllers and hubs, as the kernel gives it.
    pub fn port_count(&self) -> u32 {
        self.port_count
    }

    /// Reads the state of all ports, in port order. A line or file that cannot be understood is
    /// logged and left out; the others still count.
    ///
    /// # Errors
    /// [`VhciError::Status`] when not a single file could be read.
    pub fn ports(&self) -> Result<Vec<PortRow>, VhciError> {
        let mut rows = Vec::new();
        let mut failure = None;
        for controller in 0..self.controllers {
            let name = match controller {
                0 => "status".to_owned(),
                controller => format!("status.{controller}"),
            };
            match self.device.attribute(&name) {
                Ok(text) => rows.extend(parse_rows(&name, &text)),
                Err(reason) => {
                    error!(target: LOG_TARGET, "cannot read {name}: {reason}");
                    failure = Some(reason);
                }
            }
        }
        match failure {
            Some(reason) if rows.is_empty() => Err(VhciError::Status(reason)),
            _ => Ok(rows),
        }
    }

    /// Gives a connection to a port. `speed` is the number from the wire, passed on as it is.
    ///
    /// # Errors
    /// `EBUSY` when the port has been taken meanwhile, else `EINVAL` or `EAGAIN`.
    pub fn attach(
        &self,
        port: Port,
        socket: impl AsFd,
        devid: DevId,
        speed: u32,
    ) -> io::Result<()> {
        let number = socket.as_fd().as_raw_fd();
        let command = format!("{port} {number} {devid} {speed}");
        attribute::write(&self.device.path("attach"), &command)
    }

    /// The file [`Self::detach`] writes to.
    pub fn detach_file(&self) -> PathBuf {
        self.device.path("detach")
    }

    /// Asks the kernel to drop a connection; the teardown itself goes on after the return.
    ///
    /// # Errors
    /// `EINVAL` when the port is free or does not exist.
    pub fn detach(&self, port: Port) -> io::Result<()> {
        attribute::write(&self.detach_file(), &port.to_string())
    }
}

/// Number of controllers: entries `vhci_hcd.*` beside controller 0.
fn count_controllers(device: &Device) -> usize {
    let prefix = format!("{}.", crate::VHCI_DRIVER);
    let entries = device.parent_dir().map(fs::read_dir);
    let Some(Ok(entries)) = entries else { return 0 };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(prefix.as_bytes())
        })
        .count()
}

/// The rows after the header line.
fn parse_rows(name: &str, text: &str) -> Vec<PortRow> {
    let lines = text.lines().skip(1);
    lines
        .filter_map(|line| {
            let row = PortRow::parse(line);
            if row.is_none() {
                error!(target: LOG_TARGET, "skipping a line of {name} that makes no sense: {line}");
            }
            row
        })
        .collect()
}
