// SPDX-License-Identifier: GPL-2.0

//! Who uses a local device, seen from this machine: reasons not to take it away.

#![forbid(unsafe_code)]

mod disk;
mod network;
mod process;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use usbip_sysfs::Device;

/// One use of a device; part of the JSON schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// A file system on it is mounted.
    Mount {
        /// Block device.
        node: String,
        /// Mount point.
        place: String,
    },
    /// It is swap space.
    Swap {
        /// Block device.
        node: String,
    },
    /// It is part of another block device (RAID, LVM, encryption).
    PartOf {
        /// Block device.
        node: String,
        /// The other one.
        whole: String,
    },
    /// Somebody has the disk for himself: another mount namespace, a partitioning tool.
    Exclusive {
        /// Block device.
        node: String,
    },
    /// A network interface is up and connected.
    Network {
        /// Name of the interface.
        node: String,
    },
    /// A program has it open.
    Process {
        /// Device file below `/dev`.
        node: String,
        /// Process id.
        pid: u32,
        /// Name of the program.
        command: String,
    },
}

impl Holder {
    /// Whether data may be lost when the device is taken away.
    pub fn is_disk(&self) -> bool {
        match self {
            Self::Mount { .. }
            | Self::Swap { .. }
            | Self::PartOf { .. }
            | Self::Exclusive { .. } => true,
            Self::Network { .. } | Self::Process { .. } => false,
        }
    }

    /// What ends this use.
    pub fn remedy(&self) -> String {
        match self {
            Self::Mount { place, .. } => format!("run \"umount {place}\""),
            Self::Swap { node } => format!("run \"swapoff /dev/{node}\""),
            Self::PartOf { whole, .. } => format!("stop {whole}"),
            Self::Exclusive { node } => format!("end what uses /dev/{node}"),
            Self::Network { node } => format!("run \"ip link set {node} down\""),
            Self::Process { command, pid, .. } => format!("end {command} (process {pid})"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount { node, place } => write!(f, "{node} is mounted on {place}"),
            Self::Swap { node } => write!(f, "{node} is swap space"),
            Self::PartOf { node, whole } => write!(f, "{node} is part of {whole}"),
            Self::Exclusive { node } => write!(f, "{node} is taken by some program"),
            Self::Network { node } => write!(f, "network interface {node} is up"),
            Self::Process { node, pid, command } => {
                write!(f, "{node} is open in {command} (process {pid})")
            }
        }
    }
}

/// Everything that uses a device now. What programs of other users have open is seen by root only.
/// `proc` and `dev` are `/proc` and `/dev`, or a test's imitations.
pub fn holders(proc: &Path, dev: &Path, device: &Device) -> Vec<Holder> {
    let nodes = device.nodes();
    let mut holders = disk::holders(proc, dev, &nodes);
    holders.extend(network::holders(&nodes));
    holders.extend(process::holders(proc, device, &nodes));
    holders
}
