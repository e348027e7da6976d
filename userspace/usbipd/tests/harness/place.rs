// SPDX-License-Identifier: GPL-2.0

//! A machine with a configuration file.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use usbip_fixture::FakeSysfs;

use super::exporting;

/// Start of a device list with one device, the one every such machine exports.
pub const ONE_DEVICE: &[u8] = b"\x01\x11\0\x05\0\0\0\0\0\0\0\x01";

/// The machine: one device is exported, by nobody's rule.
pub struct Place {
    pub sysfs: FakeSysfs,
    file: PathBuf,
}

impl Place {
    pub fn new(config: &str) -> Self {
        let sysfs = exporting(&[("1-1", "1\n")]);
        let file = sysfs.root().join("usbipd.toml");
        let place = Self { sysfs, file };
        place.configure(config);
        place
    }

    pub fn configure(&self, config: &str) {
        fs::write(&self.file, config).unwrap();
    }

    /// Plugs in a device that its own driver gets.
    pub fn plug(&self, busid: &str, serial: &str) {
        self.sysfs.add_usb_device(busid).unwrap();
        self.sysfs.set(busid, "serial", serial).unwrap();
        self.sysfs.set_driver(busid, "usb").unwrap();
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usbipd"));
        command.arg("--config").arg(&self.file);
        command
    }

    /// A daemon that gets a socket as systemd would give it.
    pub fn activated(&self, listener: TcpListener) -> Command {
        let mut command = Command::new("sh");
        let script = format!(
            "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec {} --config={} \"$@\"",
            env!("CARGO_BIN_EXE_usbipd"),
            self.file.display()
        );
        command.args(["-c", &script, "sh"]);
        command.stdin(OwnedFd::from(listener));
        command
    }

    pub fn state(&self) -> String {
        fs::read_to_string(self.sysfs.root().join("run/usbipd.json")).unwrap_or_default()
    }

    /// A file of a driver of USB devices.
    pub fn driver_file(&self, driver: &str, name: &str) -> PathBuf {
        let drivers = self.sysfs.root().join("bus/usb/drivers");
        drivers.join(driver).join(name)
    }

    /// What was last written to a file of usbip-host.
    pub fn host_driver(&self, name: &str) -> String {
        read(&self.driver_file("usbip-host", name))
    }

    /// What was last written for the generic driver to let go of.
    pub fn unbound(&self) -> String {
        read(&self.driver_file("usb", "unbind"))
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
