// SPDX-License-Identifier: GPL-2.0

//! A root hub, as usbfs reaches it.

use crate::limit::{self, SOON};
use crate::vhci::{Vhci, PLATFORM};
use crate::{attribute, escape};
use nusb::transfer::{ControlIn, ControlOut, ControlType, Recipient};
use nusb::{Device, MaybeFuture};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;

/// The two hubs of a controller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Low, full and high speed.
    Usb2,
    /// SuperSpeed.
    Usb3,
}

impl Side {
    /// What the status files call it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Usb2 => "hs",
            Self::Usb3 => "ss",
        }
    }
}

/// A setup packet: bmRequestType, bRequest, wValue, wIndex, wLength.
pub type Setup = (u8, u8, u16, u16, u16);

/// The folders of a controller's root hubs, the one for USB 2 first.
pub fn folders(controller: usize) -> io::Result<Vec<PathBuf>> {
    let mut hubs: Vec<(u32, PathBuf)> = fs::read_dir(format!("{PLATFORM}/vhci_hcd.{controller}"))?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_string_lossy().strip_prefix("usb")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    hubs.sort();
    Ok(hubs.into_iter().map(|(_, path)| path).collect())
}

/// A root hub.
pub struct RootHub(Device);

impl RootHub {
    /// Opens a hub of the last controller, which nothing is attached to.
    pub fn of_last(side: Side) -> io::Result<Self> {
        let hubs = folders(Vhci.controllers().saturating_sub(1))?;
        let hub = match side {
            Side::Usb2 => hubs.first(),
            Side::Usb3 => hubs.last(),
        };
        let folder = hub.ok_or_else(|| io::Error::other("no hub"))?;
        let bus: u32 = attribute::value(folder.join("busnum"))
            .parse()
            .unwrap_or_default();
        let node = OpenOptions::new()
            .read(true)
            .write(true)
            .open(format!("/dev/bus/usb/{bus:03}/001"))?;
        Ok(Self(Device::from_fd(node.into()).wait()?))
    }

    /// Carries out a request; its bytes, or how it failed.
    pub fn control(&self, setup: Setup) -> String {
        let (kind, request, value, index, length) = setup;
        let control_type = match (kind >> 5) & 3 {
            0 => ControlType::Standard,
            1 => ControlType::Class,
            _ => ControlType::Vendor,
        };
        let recipient = match kind & 0x1f {
            0 => Recipient::Device,
            1 => Recipient::Interface,
            2 => Recipient::Endpoint,
            _ => Recipient::Other,
        };
        let limit = limit::stretched(SOON);
        let result = if kind & 0x80 == 0 {
            let out = ControlOut {
                control_type,
                recipient,
                request,
                value,
                index,
                data: &[],
            };
            let sent = self.0.control_out(out, limit).wait();
            sent.map(|()| "ok".to_owned())
        } else {
            let question = ControlIn {
                control_type,
                recipient,
                request,
                value,
                index,
                length,
            };
            let answer = self.0.control_in(question, limit).wait();
            answer.map(|data| escape::hex(&data))
        };
        result.unwrap_or_else(|error| format!("{error:?}"))
    }

    /// The status words of a port.
    pub fn port_status(&self, port: u16) -> String {
        self.control((0xa3, 0, 0, port, 4))
    }
}
