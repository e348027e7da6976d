// SPDX-License-Identifier: GPL-2.0

//! A device the server keeps for us.

use std::io;

use thiserror::Error;
use usbip_identity::Identity;
use usbip_net::{Channel, ExchangeError};
use usbip_protocol::op::UsbDevice;
use usbip_sysfs::{DevId, Port, Speed, Vhci};

use crate::descriptors::{interfaces, strings, Reader};
use crate::free_port::{attach_to_free_port, AttachError};

/// A device between the import and the hand-over to the kernel. Dropping it gives it back.
#[derive(Debug)]
pub struct Imported {
    channel: Channel,
    record: UsbDevice,
}

/// Why the kernel did not take a connection.
#[derive(Debug, Error)]
pub enum HandOverError {
    /// Bus or device number of the server are out of range.
    #[error("the server's device number makes no sense")]
    Number,
    /// The time limits of the socket cannot be taken off.
    #[error("{0}")]
    Socket(#[source] io::Error),
    /// No port took it.
    #[error("{0}")]
    Attach(#[source] AttachError),
}

impl Imported {
    pub(crate) fn new(channel: Channel, record: UsbDevice) -> Self {
        Self { channel, record }
    }

    /// The server's number of the device; it changes when the device is plugged in again.
    ///
    /// # Errors
    /// [`HandOverError::Number`].
    pub fn devid(&self) -> Result<DevId, HandOverError> {
        DevId::new(self.record.busnum, self.record.devnum).ok_or(HandOverError::Number)
    }

    /// Completes what the device list told: serial number, product name and, if need be, interfaces
    /// are read from the device itself, over the connection, before the kernel gets it.
    ///
    /// # Errors
    /// Those of the exchange.
    pub fn identify(&mut self, listed: &Identity) -> Result<Identity, ExchangeError> {
        let devid = (self.record.busnum << 16) | (self.record.devnum & 0xffff);
        let mut reader = Reader::new(&mut self.channel, devid);
        let strings = strings(&mut reader)?;
        let mut classes = listed.classes.clone();
        if !listed.interfaces_known() {
            classes.extend(interfaces(&mut reader)?);
        }
        Ok(Identity {
            classes,
            serial: strings.serial,
            product: strings.product,
            strings_known: true,
            ..listed.clone()
        })
    }

    /// Gives the connection to the kernel and closes our end of it.
    ///
    /// # Errors
    /// See [`HandOverError`].
    pub fn hand_over(self, vhci: &Vhci) -> Result<Port, HandOverError> {
        let devid = self.devid()?;
        let speed = self.record.speed;
        let stream = self.channel.into_stream().map_err(HandOverError::Socket)?;
        attach_to_free_port(
            Speed::hub_for(speed),
            || vhci.ports(),
            |port| vhci.attach(port, &stream, devid, speed),
        )
        .map_err(HandOverError::Attach)
    }
}
