// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail at random, in whatever context, while disks and keyboards are used through
//! both drivers.

use crate::case::print_row;
use crate::fault::Injector;
use contract::kind;
use contract::limit;
use contract::stub::Local;
use contract::vhci::{Vhci, FREE};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "both: traffic";
/// One in so many allocations fails, in percent.
const PERCENT: [u32; 3] = [1, 5, 20];
/// How long each of them lasts.
const LENGTH: Duration = Duration::from_secs(4);
/// Below whose functions allocations fail, one after the other.
const MODULES: [&str; 2] = ["usbip_host_rs", "vhci_hcd_rs"];
/// The number of the speed of the stick and of the keyboard, and the port of each.
const STICK: (u32, u32) = (5, 8);
const KEYBOARD: (u32, u32) = (3, 0);

/// The drivers of what is imported; nothing in this guest loads one that is missing.
const DRIVERS: [&str; 4] = ["usb_storage", "usbhid", "hid_generic", "evdev"];

/// A device that is exported, and imported by the same machine.
struct Loop {
    local: Local,
    speed: u32,
    port: u32,
}

/// Runs the storms, if selected.
pub fn run(name: &str, injector: &Injector) -> io::Result<()> {
    if !NAME.contains(name) {
        return Ok(());
    }
    for module in DRIVERS {
        match kind::load_other(module).as_str() {
            "ok" => {}
            problem => return Err(io::Error::other(problem.to_owned())),
        }
    }
    let result = storms(injector);
    // What is left is found when our modules are to be unloaded.
    for module in DRIVERS {
        kind::unload_other(module);
    }
    result
}

fn storms(injector: &Injector) -> io::Result<()> {
    let hub_ports = Vhci.hub_ports();
    let stick = Loop {
        local: Local::stick()?,
        speed: STICK.0,
        port: hub_ports + STICK.1 % hub_ports,
    };
    let keyboard = Loop {
        local: Local::keyboard()?,
        speed: KEYBOARD.0,
        port: KEYBOARD.1,
    };
    let _exports = [stick.local.export()?, keyboard.local.export()?];
    for percent in PERCENT {
        for module in MODULES {
            storm(injector, module, percent, &stick, &keyboard)?;
            stick.check("a stick is read", Loop::read)?;
            keyboard.check("a keyboard is there", Loop::listen)?;
        }
    }
    [stick, keyboard].iter().for_each(Loop::detach);
    Ok(())
}

fn storm(
    injector: &Injector,
    module: &str,
    percent: u32,
    stick: &Loop,
    keyboard: &Loop,
) -> io::Result<()> {
    let mut outcomes = BTreeMap::new();
    injector.storm(module, percent)?;
    let deadline = Instant::now() + limit::stretched(LENGTH);
    while Instant::now() < deadline {
        for outcome in [stick.read(), keyboard.listen()] {
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    let faults = injector.injected()?;
    injector.calm()?;
    print_row(NAME, &format!("{module}, {percent} %"), faults, &outcomes);
    Ok(())
}

impl Loop {
    /// Imports the device if it is not, and has used it for a moment.
    fn attached(&self) -> bool {
        let vhci = Vhci;
        if vhci.row(self.port).is_none_or(|row| row.state == FREE) {
            let Ok((one, other)) = UnixStream::pair() else {
                return false;
            };
            self.local.keep_exported();
            self.local.wait_available();
            let line = format!("{} FD {} {}", self.port, self.local.devid(), self.speed);
            return self.local.sockfd("FD", &one) == "ok"
                && vhci.attach_line(&line, other.as_fd()) == "ok";
        }
        true
    }

    fn folder(&self) -> Option<PathBuf> {
        let busid = Vhci.row(self.port)?.busid;
        let folder = PathBuf::from("/sys/bus/usb/devices").join(&busid);
        Some(folder.join(format!("{busid}:1.0")))
    }

    /// Waits a little for a file or folder of the imported device whose name begins so.
    fn find(&self, path: &[&str]) -> Option<PathBuf> {
        let deadline = Instant::now() + limit::stretched(Duration::from_millis(500));
        loop {
            let found = self.folder().and_then(|folder| descend(folder, path));
            if found.is_some() || Instant::now() > deadline {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reads the disk; what is not there after a moment is pulled out.
    fn read(&self) -> String {
        if !self.attached() {
            return "not imported".to_owned();
        }
        let disk = ["host", "target", "", "block", "sd"];
        let Some(name) = self
            .find(&disk)
            .and_then(|path| Some(path.file_name()?.to_owned()))
        else {
            self.detach();
            return "no disk".to_owned();
        };
        let source = format!("if=/dev/{}", name.to_string_lossy());
        let arguments = [&source, "of=/dev/null", "bs=64k", "count=8", "iflag=direct"];
        match Command::new("dd").args(arguments).output() {
            Ok(output) if output.status.success() => "disk read".to_owned(),
            _ => {
                self.detach();
                "disk failed".to_owned()
            }
        }
    }

    /// Looks for the keyboard, whose driver keeps a transfer waiting; pulls it out again.
    fn listen(&self) -> String {
        if !self.attached() {
            return "not imported".to_owned();
        }
        let is_there = self.find(&["0003:", "input", "input", "event"]).is_some();
        self.detach();
        match is_there {
            true => "keyboard there".to_owned(),
            false => "no keyboard".to_owned(),
        }
    }

    fn detach(&self) {
        Vhci.detach(&self.port.to_string());
        Vhci.wait_state(self.port, FREE);
        self.local.wait_available();
    }

    /// After a storm everything works.
    fn check(&self, what: &str, used: fn(&Self) -> String) -> io::Result<()> {
        self.detach();
        let works = limit::wait_until(|| {
            let outcome = used(self);
            outcome == "disk read" || outcome == "keyboard there"
        });
        match works {
            true => Ok(()),
            false => Err(io::Error::other(format!("after a storm: never {what}"))),
        }
    }
}

/// Follows names that begin so.
fn descend(folder: PathBuf, path: &[&str]) -> Option<PathBuf> {
    let Some((first, rest)) = path.split_first() else {
        return Some(folder);
    };
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(first))
        .find_map(|entry| descend(entry.path(), rest))
}
