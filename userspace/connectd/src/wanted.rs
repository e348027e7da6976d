// SPDX-License-Identifier: GPL-2.0

//! A device somebody wants to have.

use std::time::Duration;

use usbip_client::{Remote, Server};
use usbip_identity::{Identity, Match, Selector};
use usbip_sysfs::{PortRow, Sysfs};

/// A wanted device.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name in messages, in the state file and of its mark.
    pub name: String,
    /// Who has it.
    pub server: Server,
    /// Which one it is.
    pub selector: Selector,
    /// Longest pause between two attempts.
    pub retry_max: Duration,
}

impl Wanted {
    /// Bus id if nothing else is given: there is nothing to look up then.
    pub fn only_busid(&self) -> Option<&str> {
        let only = Selector {
            busid: self.selector.busid.clone(),
            ..Selector::default()
        };
        let busid = self.selector.busid.as_ref()?.literal()?;
        (self.selector == only).then_some(busid)
    }

    /// The record of an attachment to this server.
    pub fn remote(&self, busid: &str) -> Remote {
        Remote {
            host: self.server.host.clone(),
            port: self.server.port.to_string(),
            busid: busid.to_owned(),
        }
    }

    /// Whether an attached port has this device. One that is not enumerated yet has only its bus
    /// id to be known by.
    pub fn is_at(&self, sysfs: &Sysfs, row: &PortRow, remote: &Remote) -> bool {
        if *remote != self.remote(&remote.busid) {
            return false;
        }
        if let Some(busid) = self.only_busid() {
            return busid == remote.busid;
        }
        let local = row.local.as_ref();
        let device = local.and_then(|busid| sysfs.usb_device(busid).ok());
        device.is_some_and(|device| {
            let identity = Identity {
                busid: remote.busid.clone(),
                ..Identity::of_local(&device)
            };
            self.selector.judge(&identity) == Match::Yes
        })
    }
}

impl PartialEq for Wanted {
    /// Whether a keeper for one can go on as that of the other.
    fn eq(&self, other: &Self) -> bool {
        let key = |wanted: &Self| {
            let Server {
                host,
                port,
                dead_peer,
            } = wanted.server.clone();
            (host, port, dead_peer, wanted.retry_max)
        };
        self.name == other.name && self.selector == other.selector && key(self) == key(other)
    }
}
