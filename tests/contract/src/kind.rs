// SPDX-License-Identifier: GPL-2.0

//! Whose modules are checked.

use crate::errno;
use std::path::Path;
use std::process::Command;

/// The kernel's own modules, or ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The modules written in C.
    C,
    /// The modules written in Rust.
    Rs,
}

/// What a module is for.
#[derive(Clone, Copy)]
pub enum Role {
    /// The code both drivers share.
    Core,
    /// The driver that exports devices.
    Host,
    /// The virtual host controller.
    Vhci,
}

impl Kind {
    /// The kind with that name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "c" => Some(Self::C),
            "rs" => Some(Self::Rs),
            _ => None,
        }
    }

    /// The name of a module as the kernel shows it.
    pub fn module(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::C, Role::Core) => "usbip_core",
            (Self::C, Role::Host) => "usbip_host",
            (Self::C, Role::Vhci) => "vhci_hcd",
            (Self::Rs, Role::Core) => "usbip_core_rs",
            (Self::Rs, Role::Host) => "usbip_host_rs",
            (Self::Rs, Role::Vhci) => "vhci_hcd_rs",
        }
    }

    /// Loads a module and what it needs; returns `ok` or what went wrong.
    pub fn load(self, role: Role) -> String {
        run("modprobe", self.module(role))
    }

    /// Unloads a module if it is there; returns `ok` or what went wrong.
    pub fn unload(self, role: Role) -> String {
        let module = self.module(role);
        if Path::new("/sys/module").join(module).exists() {
            run("rmmod", module)
        } else {
            "ok".to_owned()
        }
    }

    /// Unloads everything of this kind.
    pub fn unload_all(self) -> String {
        let results = [Role::Host, Role::Vhci, Role::Core].map(|role| self.unload(role));
        match results.iter().find(|result| *result != "ok") {
            Some(problem) => problem.clone(),
            None => "ok".to_owned(),
        }
    }
}

/// Loads a module that is neither's; returns `ok` or what went wrong.
pub fn load_other(module: &str) -> String {
    run("modprobe", module)
}

/// Unloads a module that is neither's; returns `ok` or what went wrong.
pub fn unload_other(module: &str) -> String {
    run("rmmod", module)
}

fn run(program: &str, module: &str) -> String {
    match Command::new(program).arg(module).output() {
        Ok(output) if output.status.success() => "ok".to_owned(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => errno::of(&error),
    }
}
