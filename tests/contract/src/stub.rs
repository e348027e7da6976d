// SPDX-License-Identifier: GPL-2.0

//! The exporting driver, through its files, and a real device on it.

use crate::attribute;
use crate::{lane, limit};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

const DEVICES: &str = "/sys/bus/usb/devices";
const DRIVERS: &str = "/sys/bus/usb/drivers";

/// The serial number of the sticks the machine has for us, one for each lane.
const STICK: (&str, &str) = ("serial", "CONTRACT");
/// The product of its sound cards.
const SOUND_CARD: (&str, &str) = ("product", "QEMU USB Audio");
/// The product of its keyboards, which have nothing to say.
const KEYBOARD: (&str, &str) = ("product", "QEMU USB Keyboard");

/// Writes a file of the driver.
pub fn write(name: &str, text: &str) -> String {
    attribute::write(format!("{DRIVERS}/usbip-host/{name}"), text)
}

/// Reads the table of names.
pub fn table() -> String {
    attribute::read(format!("{DRIVERS}/usbip-host/match_busid"))
}

/// A device that can be exported.
#[derive(Clone)]
pub struct Local {
    /// Its name.
    pub busid: String,
}

impl Local {
    /// The lane's stick.
    pub fn stick() -> io::Result<Self> {
        Self::find(STICK)
    }

    /// The lane's sound card, for isochronous transfers.
    pub fn sound_card() -> io::Result<Self> {
        Self::find(SOUND_CARD)
    }

    /// The lane's keyboard, for transfers that do not end by themselves.
    pub fn keyboard() -> io::Result<Self> {
        Self::find(KEYBOARD)
    }

    fn find((file, value): (&str, &str)) -> io::Result<Self> {
        let lane = usize::try_from(lane::current()).unwrap_or_default();
        let search = || {
            let entries = fs::read_dir(DEVICES).into_iter().flatten().flatten();
            let mut found: Vec<String> = entries
                .filter(|entry| attribute::value(entry.path().join(file)) == value)
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            found.sort();
            found.into_iter().nth(lane)
        };
        limit::wait_until(|| search().is_some());
        let busid = search().ok_or_else(|| io::Error::other(format!("no {value}")))?;
        Ok(Self { busid })
    }

    /// A file of the device.
    pub fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{DEVICES}/{}", self.busid)).join(name)
    }

    /// Its number in requests, `busnum << 16 | devnum`.
    pub fn devid(&self) -> u32 {
        let number = |name| {
            attribute::value(self.file(name))
                .parse::<u32>()
                .unwrap_or_default()
        };
        (number("busnum") << 16) | number("devnum")
    }

    /// The driver it is on.
    pub fn driver(&self) -> String {
        attribute::target(self.file("driver"))
    }

    /// Takes it off the driver it is on.
    pub fn unbind(&self, driver: &str) -> String {
        attribute::write(format!("{DRIVERS}/{driver}/unbind"), &self.busid)
    }

    /// Offers it to the exporting driver.
    pub fn bind(&self) -> String {
        write("bind", &self.busid)
    }

    /// Writes a command about it to the table of names.
    pub fn command(&self, verb: &str) -> String {
        write("match_busid", &format!("{verb} {}", self.busid))
    }

    /// Exports it.
    pub fn export(&self) -> io::Result<Export> {
        let steps = [self.command("add"), self.unbind("usb"), self.bind()];
        if steps.iter().any(|step| step != "ok") {
            return Err(io::Error::other(format!("export: {}", steps.join(" "))));
        }
        Ok(Export {
            device: self.clone(),
        })
    }

    /// `usbip_status`.
    pub fn status(&self) -> String {
        attribute::read(self.file("usbip_status"))
    }

    /// Writes to `usbip_sockfd`, a socket's number in place of FD.
    pub fn sockfd(&self, text: &str, socket: impl AsFd) -> String {
        let text = text.replace("FD", &socket.as_fd().as_raw_fd().to_string());
        attribute::write(self.file("usbip_sockfd"), text)
    }

    /// Binds it again if usbcore has dropped it, because it could not be reset: it has been enumerated
    /// anew, and is not exported any more. Without memory it may then have no driver at all.
    pub fn keep_exported(&self) {
        // usbcore is still adding it; the driver core would lose the message that it says so with (Linux 7.3, `dd.c`).
        if !self.file("ep_00").exists() {
            return;
        }
        let driver = self.driver();
        if driver == "usb" {
            self.unbind(&driver);
        }
        if driver != "usbip-host" {
            self.bind();
        }
    }

    /// Whether it can be imported.
    pub fn is_available(&self) -> bool {
        self.status() == "\"1\\n\""
    }

    /// Waits until its client is cleared away; returns whether it can be imported again.
    pub fn wait_available(&self) -> bool {
        limit::wait_until(|| self.status() != "\"2\\n\"");
        self.is_available()
    }

    /// Gives it back to the driver it had, whatever state it is in.
    pub fn give_back(&self) -> String {
        self.command("del");
        if self.driver() != "usb" {
            self.unbind("usbip-host");
            // Not for a name no device was bound under: the C driver does not survive it.
            write("rebind", &self.busid);
        }
        if self.driver() != "usb" {
            attribute::write(format!("{DRIVERS}/usb/bind"), &self.busid);
        }
        limit::wait_until(|| self.file(&format!("{}:1.0", self.busid)).exists());
        self.driver()
    }
}

/// An exported device; it goes back to its own driver in the end.
pub struct Export {
    /// The device.
    pub device: Local,
}

impl Drop for Export {
    fn drop(&mut self) {
        self.device.give_back();
    }
}
