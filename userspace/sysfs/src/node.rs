// SPDX-License-Identifier: GPL-2.0

//! What drivers make of a USB device: disks, terminals, input devices, network interfaces.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::attribute;
use crate::Device;

/// Deepest level below a USB device on which drivers put anything (a partition is on the 8th).
const MAX_DEPTH: u32 = 12;

/// Second names of what another node stands for.
const ALIASES: [&str; 3] = ["bsg", "scsi_generic", "scsi_device"];

/// Something programs can use: it has a device number, or it is a network interface.
#[derive(Clone, Debug)]
pub struct Node {
    /// Class of the thing: `block`, `tty`, `input`, `net`, ...
    pub subsystem: String,
    /// Name in sysfs: `sdb1`, `ttyUSB0`, `event3`, `eth1`.
    pub name: String,
    /// Path below `/dev`; `None` for network interfaces.
    pub devname: Option<String>,
    /// Major and minor number; `None` for network interfaces.
    pub number: Option<(u32, u32)>,
    dir: PathBuf,
}

impl Node {
    /// Text of an attribute without trailing line ends.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn attribute(&self, name: &str) -> io::Result<String> {
        attribute::read_text(&self.dir.join(name))
    }

    /// Names of the entries of a directory of the node (`holders`, for example); none if it is
    /// not there.
    pub fn entries(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.join(name)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Name of what a link of the node points to, such as the bridge `master` of an interface.
    pub fn link(&self, name: &str) -> Option<String> {
        link_name(&self.dir.join(name))
    }

    fn read(dir: &Path) -> Option<Self> {
        let subsystem = link_name(&dir.join("subsystem"))?;
        let number = attribute::read_text(&dir.join("dev")).ok();
        let is_node = number.is_some() || subsystem == "net";
        if !is_node || ALIASES.contains(&subsystem.as_str()) {
            return None;
        }
        Some(Self {
            subsystem,
            name: dir.file_name()?.to_string_lossy().into_owned(),
            devname: read_devname(dir),
            number: number.as_deref().and_then(parse_number),
            dir: dir.to_owned(),
        })
    }
}

impl Device {
    /// Path of the device's own file below `/dev`, through which programs get at it without a
    /// driver.
    pub fn devname(&self) -> Option<String> {
        read_devname(&self.path(""))
    }

    /// Everything drivers have made of the device and its interfaces, parents before children;
    /// not what hangs on a hub.
    pub fn nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        collect(&self.path(""), MAX_DEPTH, &mut nodes);
        nodes
    }

    /// The interfaces of the active configuration, in order; none when it is not configured.
    pub fn interfaces(&self) -> Vec<Self> {
        let prefix = format!("{}:", self.sysname());
        let is_interface = |name: &str| name.starts_with(&prefix);
        let names = directories(&self.path(""));
        let names = names.into_iter().filter(|name| is_interface(name));
        names.map(|name| self.child(&name)).collect()
    }
}

fn read_devname(dir: &Path) -> Option<String> {
    let event = attribute::read_text(&dir.join("uevent")).ok()?;
    let name = event.lines().find_map(|line| line.strip_prefix("DEVNAME="));
    name.map(str::to_owned)
}

fn collect(dir: &Path, depth: u32, nodes: &mut Vec<Node>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for name in directories(dir) {
        let child = dir.join(name);
        if child.join("bDeviceClass").exists() {
            continue;
        }
        nodes.extend(Node::read(&child));
        collect(&child, depth, nodes);
    }
}

/// Names of the directories in a directory, links left out, sorted.
fn directories(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut names: Vec<_> = entries
        .filter(is_directory)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn link_name(link: &Path) -> Option<String> {
    let target = fs::read_link(link).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

fn parse_number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
