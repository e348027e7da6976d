// SPDX-License-Identifier: GPL-2.0

//! Who has an exported device: `/run/usbip/clients/BUSID.json`, written by usbipd when it gives a
//! connection to the kernel, which does not tell.

use serde::{Deserialize, Serialize};

use crate::StateFile;

/// The client a device was last given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its IP address, `unix`, or `vsock:CID`.
    pub address: String,
    /// Inode number of the connection's socket on this machine.
    pub inode: u64,
}

impl Client {
    /// The client that device was last given to, if it was by a daemon that writes it down. It may
    /// have gone since.
    pub fn read(busid: &str) -> Option<Self> {
        file(busid).read()
    }

    /// Writes it down; a failure is told to the log target.
    pub fn write(&self, target: &'static str, busid: &str) {
        file(busid).write(target, self);
    }
}

fn file(busid: &str) -> StateFile {
    StateFile::new(&format!("clients/{busid}.json"))
}
