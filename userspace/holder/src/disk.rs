// SPDX-License-Identifier: GPL-2.0

//! Disks in use.

use std::fs;
use std::path::Path;

use rustix::fs::{fstat, major, minor, open, Mode, OFlags};
use rustix::io::Errno;
use usbip_sysfs::Node;

use crate::Holder;

/// Uses of the disks and partitions among `nodes`.
pub fn holders(proc: &Path, dev: &Path, nodes: &[Node]) -> Vec<Holder> {
    let is_block = |node: &&Node| node.subsystem == "block";
    let blocks: Vec<_> = nodes.iter().filter(is_block).collect();
    if blocks.is_empty() {
        return Vec::new();
    }
    let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
    let (mounts, swaps) = (read("self/mountinfo"), read("swaps"));
    let mut holders = Vec::new();
    for node in &blocks {
        let name = node.name.clone();
        holders.extend(mount_points(&mounts, node).map(|place| Holder::Mount {
            node: name.clone(),
            place,
        }));
        if is_swap(&swaps, node) {
            holders.push(Holder::Swap { node: name.clone() });
        }
        holders.extend(node.entries("holders").into_iter().map(|whole| {
            let alias = node.attribute(&format!("holders/{whole}/dm/name"));
            let node = name.clone();
            let whole = alias.map_or_else(|_| whole.clone(), |alias| format!("{whole} ({alias})"));
            Holder::PartOf { node, whole }
        }));
    }
    if holders.is_empty() {
        let taken = blocks.iter().filter(|node| is_taken(dev, node));
        holders.extend(taken.map(|node| Holder::Exclusive {
            node: node.name.clone(),
        }));
    }
    holders
}

/// Where a disk is mounted in our namespace. Some file systems have a device number of their own
/// and are known by the name of the disk only.
fn mount_points<'a>(mounts: &'a str, node: &'a Node) -> impl Iterator<Item = String> + 'a {
    let number = node.number.map(|(major, minor)| format!("{major}:{minor}"));
    let file = node.devname.as_ref().map(|name| format!("/dev/{name}"));
    mounts.lines().filter_map(move |line| {
        let (left, right) = line.split_once(" - ")?;
        let mut words = left.split(' ').skip(2);
        let same_number = words.next() == number.as_deref();
        let same_file = right.split(' ').nth(1) == file.as_deref();
        let place = words.nth(1)?;
        (same_number || same_file).then(|| unescape(place))
    })
}

fn is_swap(swaps: &str, node: &Node) -> bool {
    let file = node.devname.as_ref().map(|name| format!("/dev/{name}"));
    let files = swaps.lines().skip(1).map(|line| line.split(' ').next());
    file.is_some() && files.into_iter().any(|found| found == file.as_deref())
}

/// Whether the kernel refuses an exclusive opener: one is there already, in whatever namespace.
fn is_taken(dev: &Path, node: &Node) -> bool {
    let Some(name) = &node.devname else {
        return false;
    };
    let file = dev.join(name);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(opened) = open(&file, flags, Mode::empty()) else {
        return false;
    };
    let number = fstat(&opened).map(|stat| (major(stat.st_rdev), minor(stat.st_rdev)));
    number.ok() == node.number
        && matches!(
            open(&file, flags | OFlags::EXCL, Mode::empty()),
            Err(Errno::BUSY)
        )
}

/// Undoes the octal escapes of `/proc/self/mountinfo`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                plain.push(code.into());
                plain.push_str(rest);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_mount_points() {
        assert_eq!(unescape("/media/My\\040Stick"), "/media/My Stick");
        assert_eq!(unescape("/a\\134b\\0"), "/a\\b\\0");
    }
}
