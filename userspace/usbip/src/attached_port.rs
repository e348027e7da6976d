// SPDX-License-Identifier: GPL-2.0

//! A port with an imported device.

use serde::Serialize;
use usbip_client::Remote;
use usbip_sysfs::{Hub, PortRow, PortState};

use crate::environment::Environment;
use crate::local_device::LocalDevice;

/// What there is to know of a port; part of the JSON schema.
#[derive(Clone, Debug, Serialize)]
pub struct AttachedPort {
    /// Number, as `usbip detach` takes it.
    pub port: u32,
    /// `high` (up to 480 Mbit/s) or `super`.
    pub hub: &'static str,
    /// `initializing`, `in_use`, `error`, or `unknown`.
    pub state: &'static str,
    /// Where the device is; nothing when the port was attached without a record.
    pub remote: Option<RemoteEnd>,
    /// The device's numbers on the server.
    pub remote_busnum: u32,
    /// The device's numbers on the server.
    pub remote_devnum: u32,
    /// The device as it is here, once it is enumerated.
    pub device: Option<LocalDevice>,
}

/// The other end of a port.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteEnd {
    /// Host as the user typed it.
    pub host: String,
    /// TCP port as the user typed it.
    pub tcp_port: String,
    /// Bus id there.
    pub busid: String,
}

impl AttachedPort {
    /// Reads what belongs to a row; `None` for a free port.
    pub fn read(environment: &Environment, row: &PortRow) -> Option<Self> {
        let state = match row.state {
            PortState::Null => return None,
            PortState::NotAssigned => "initializing",
            PortState::Used => "in_use",
            PortState::Error => "error",
            PortState::Other(_) => "unknown",
        };
        let device = row.local.as_ref().filter(|_| row.state.has_device());
        let device = device.and_then(|busid| environment.sysfs.usb_device(busid).ok());
        let remote = environment.records.read(row.port).ok();
        Some(Self {
            port: row.port.0,
            hub: match row.hub {
                Hub::High => "high",
                Hub::Super => "super",
            },
            state,
            remote: remote.map(RemoteEnd::from),
            remote_busnum: row.devid.busnum(),
            remote_devnum: row.devid.devnum(),
            device: device.map(|device| LocalDevice::read(environment, &device)),
        })
    }
}

impl From<Remote> for RemoteEnd {
    fn from(remote: Remote) -> Self {
        Self {
            host: remote.host,
            tcp_port: remote.port,
            busid: remote.busid,
        }
    }
}
