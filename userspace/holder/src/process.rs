// SPDX-License-Identifier: GPL-2.0

//! Programs that have a device open.

use std::fs;
use std::path::Path;

use usbip_sysfs::{Device, Node};

use crate::Holder;

/// Classes whose nodes are open only while somebody works with them. Desktops keep input devices
/// and mixers open all the time; losing those does no harm.
const CLASSES: [&str; 4] = ["tty", "usbmisc", "video4linux", "sound"];

/// Driver of an interface that a program has claimed through `/dev/bus/usb`.
const USBFS: &str = "usbfs";

/// The programs that have one of the nodes open, or an interface of the device claimed.
pub fn holders(proc: &Path, device: &Device, nodes: &[Node]) -> Vec<Holder> {
    let mut names: Vec<_> = nodes.iter().filter_map(worked_with).collect();
    let interfaces = device.interfaces();
    if interfaces
        .iter()
        .any(|interface| interface.driver().as_deref() == Some(USBFS))
    {
        names.extend(device.devname());
    }
    if names.is_empty() {
        return Vec::new();
    }
    let files = names.into_iter().map(|name| (format!("/dev/{name}"), name));
    openers(proc, &files.collect::<Vec<_>>())
}

fn worked_with(node: &Node) -> Option<String> {
    let counts = match node.subsystem.as_str() {
        "sound" => node.name.starts_with("pcm"),
        class => CLASSES.contains(&class),
    };
    node.devname.clone().filter(|_| counts)
}

/// Processes with one of these files open, each file once per process.
fn openers(proc: &Path, files: &[(String, String)]) -> Vec<Holder> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let mut holders = Vec::new();
    for entry in entries {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let opened = fs::read_dir(entry.path().join("fd")).into_iter().flatten();
        let targets = opened
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok());
        let targets: Vec<_> = targets.collect();
        let is_open = |file: &&(String, String)| targets.iter().any(|to| to == Path::new(&file.0));
        holders.extend(
            files
                .iter()
                .filter(is_open)
                .map(|(_, name)| Holder::Process {
                    node: name.clone(),
                    pid,
                    command: command(&entry.path()),
                }),
        );
    }
    holders
}

fn command(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    name.trim_end().to_owned()
}
