// SPDX-License-Identifier: GPL-2.0

//! A device that the kernel plays itself and exports through its `usbip-vudc`: what it is sent
//! comes back.

use crate::{attribute, kind};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIGFS: &str = "/sys/kernel/config";
const FUNCTION: &str = "functions/Loopback.0";
/// The controller.
const VUDC: &str = "usbip-vudc.0";

/// The modules that are loaded for it, users first.
const MODULES: [&str; 4] = ["usb_f_ss_lb", "usbip_vudc", "libcomposite", "udc_core"];

/// A gadget; it goes in the end.
pub struct Gadget {
    home: PathBuf,
}

impl Gadget {
    /// Makes a gadget on the controller.
    pub fn new() -> io::Result<Self> {
        for module in ["usbip_vudc", "libcomposite"] {
            match kind::load_other(module).as_str() {
                "ok" => {}
                problem => return Err(io::Error::other(problem.to_owned())),
            }
        }
        if !Path::new(CONFIGFS).join("usb_gadget").exists() {
            Command::new("mount")
                .args(["-t", "configfs", "none", CONFIGFS])
                .status()?;
        }
        let home = Path::new(CONFIGFS).join("usb_gadget/contract");
        for folder in ["", "strings/0x409", "configs/c.1", FUNCTION] {
            fs::create_dir(home.join(folder))?;
        }
        let gadget = Self { home };
        for (file, text) in [
            ("idVendor", "0x1209"),
            ("idProduct", "0x0002"),
            ("strings/0x409/product", "Loop"),
            ("strings/0x409/serialnumber", "0002"),
        ] {
            fs::write(gadget.home.join(file), text)?;
        }
        let function = gadget.home.join(FUNCTION);
        symlink(function, gadget.home.join("configs/c.1/loop"))?;
        fs::write(gadget.home.join("UDC"), VUDC)?;
        Ok(gadget)
    }

    /// Gives the controller a client.
    pub fn connect(&self, socket: BorrowedFd<'_>) -> String {
        let file = format!("/sys/devices/platform/{VUDC}/usbip_sockfd");
        attribute::write(file, socket.as_raw_fd().to_string())
    }
}

impl Drop for Gadget {
    fn drop(&mut self) {
        // What is left shows when the modules cannot be unloaded.
        let _ = fs::write(self.home.join("UDC"), "\n");
        let _ = fs::remove_file(self.home.join("configs/c.1/loop"));
        for folder in [FUNCTION, "configs/c.1", "strings/0x409", ""] {
            let _ = fs::remove_dir(self.home.join(folder));
        }
        for module in MODULES {
            kind::unload_other(module);
        }
    }
}
