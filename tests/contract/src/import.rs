// SPDX-License-Identifier: GPL-2.0

//! A scripted device on a port, as the rest of the system sees it.

use crate::attribute;
use crate::scripted::{Scripted, Speed};
use crate::server::Server;
use crate::vhci::{Vhci, FREE, USED};
use crate::wire;
use crate::{lane, limit};
use nusb::{Device, Interface, MaybeFuture};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The device id all imports are attached with: bus 1, device 2.
pub const DEVID: u32 = 0x0001_0002;

/// An attached device with its server.
pub struct Import {
    /// The other end.
    pub server: Server,
    /// The number of its port.
    pub port: u32,
    vhci: Vhci,
}

impl Import {
    /// Attaches a device to the first or a later port of the lane's hub for its speed; does not wait
    /// for anything.
    pub fn attach(speed: Speed, index: u32) -> io::Result<Self> {
        let vhci = Vhci;
        let hub = if speed.is_super() {
            vhci.hub_ports()
        } else {
            0
        };
        let port = vhci.port(lane::current(), hub + index);
        let (ours, kernels) = wire::pair()?;
        let server = Server::start(ours, Scripted { speed })?;
        let line = format!("{port} FD {DEVID} {}", speed.number());
        match vhci.attach_line(&line, kernels.as_fd()).as_str() {
            "ok" => Ok(Self { server, port, vhci }),
            refused => Err(io::Error::other(format!("attach: {refused}"))),
        }
    }

    /// Attaches a high-speed device with a server of the check's own.
    pub fn over(server: Server, kernels: UnixStream, port: u32) -> io::Result<Self> {
        Self::over_at(server, kernels, port, Speed::High)
    }

    /// Attaches a device with a server of the check's own.
    pub fn over_at(
        server: Server,
        kernels: UnixStream,
        port: u32,
        speed: Speed,
    ) -> io::Result<Self> {
        let vhci = Vhci;
        let line = format!("{port} FD {DEVID} {}", speed.number());
        match vhci.attach_line(&line, kernels.as_fd()).as_str() {
            "ok" => Ok(Self { server, port, vhci }),
            refused => Err(io::Error::other(format!("attach: {refused}"))),
        }
    }

    /// Attaches a device to the first port and waits until it has a configuration.
    pub fn configured(speed: Speed) -> io::Result<Self> {
        Self::configured_at(speed, 0)
    }

    /// Attaches a device and waits until it has a configuration.
    pub fn configured_at(speed: Speed, index: u32) -> io::Result<Self> {
        let import = Self::attach(speed, index)?;
        match import.wait_configured() {
            true => Ok(import),
            false => Err(io::Error::other("not enumerated")),
        }
    }

    /// Waits until the device has a configuration.
    pub fn wait_configured(&self) -> bool {
        self.vhci.wait_state(self.port, USED)
            && limit::wait_until(|| self.interface().join("bInterfaceNumber").exists())
    }

    /// The name of the device.
    pub fn busid(&self) -> String {
        self.vhci
            .row(self.port)
            .map(|row| row.busid)
            .unwrap_or_default()
    }

    /// The folder of the device.
    pub fn folder(&self) -> PathBuf {
        PathBuf::from("/sys/bus/usb/devices").join(self.busid())
    }

    /// Its device node.
    pub fn node(&self) -> PathBuf {
        let number = |name| -> u32 {
            let text = attribute::value(self.folder().join(name));
            text.parse().unwrap_or_default()
        };
        let (bus, device) = (number("busnum"), number("devnum"));
        PathBuf::from(format!("/dev/bus/usb/{bus:03}/{device:03}"))
    }

    /// The folder of its interface.
    fn interface(&self) -> PathBuf {
        let name = format!("{}:1.0", self.busid());
        PathBuf::from("/sys/bus/usb/devices").join(name)
    }

    /// Files of the device.
    pub fn attributes(&self, names: &[&str]) -> String {
        let folder = self.folder();
        let values = names.iter().map(|name| attribute::read(folder.join(name)));
        values.collect::<Vec<_>>().join(" ")
    }

    /// The row of its port.
    pub fn row(&self) -> String {
        self.vhci
            .row(self.port)
            .map(|row| row.text())
            .unwrap_or_default()
    }

    /// Opens the device.
    pub fn device(&self) -> io::Result<Device> {
        let folder = self.folder().canonicalize()?;
        let device = nusb::list_devices()
            .wait()?
            .find(|device| device.sysfs_path() == folder)
            .ok_or_else(|| io::Error::other("not listed"))?;
        Ok(device.open().wait()?)
    }

    /// Opens the device and takes its interface.
    pub fn open(&self) -> io::Result<Interface> {
        Ok(self.device()?.claim_interface(0).wait()?)
    }

    /// What becomes of the port: `free` if it becomes so by itself, or its row.
    pub fn fate(&self) -> String {
        match self.vhci.wait_state(self.port, FREE) {
            true => "free".to_owned(),
            false => self.row(),
        }
    }

    /// Detaches the device; returns what becomes of the port.
    pub fn detach(&self) -> String {
        let detached = self.vhci.detach(&self.port.to_string());
        match detached.as_str() {
            "ok" => self.fate(),
            _ => detached,
        }
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        // The next check finds the port free whatever became of this one, and by everybody: C's hub
        // takes a device that comes before usbcore has seen the old one go for the old one.
        let folder = self.folder();
        self.vhci.detach(&self.port.to_string());
        self.vhci.wait_state(self.port, FREE);
        limit::wait_until(|| !folder.join("devnum").exists());
    }
}
