// SPDX-License-Identifier: GPL-2.0

//! Asking a server.

use std::net::TcpStream;
use std::time::Duration;

use thiserror::Error;
use usbip_identity::Identity;
use usbip_net::{connect, Channel, ConnectError, DeadPeerLimit, ExchangeError, Patience, TcpPort};
use usbip_protocol::op::{
    decode_device_count, encode_import_request, BusIdText, OpError, OpHeader, OpStatus, Operation,
    UsbClass, UsbDevice, USB_DEVICE_LEN, USB_INTERFACE_LEN,
};

use crate::Imported;

/// Longest wait for any part of a server's answer; it may have to reset the device first.
const PATIENCE: Patience = Patience::PerWait(Duration::from_secs(30));

/// A server, not connected: the protocol has one connection per request.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: TcpPort,
    /// Limit for all connections to it.
    pub dead_peer: DeadPeerLimit,
}

/// A device on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What the list tells of it.
    pub identity: Identity,
    /// Bus and device number on the server; another pair after each plugging in.
    pub number: (u32, u32),
}

/// Why a server did not give what it was asked for.
#[derive(Debug, Error)]
pub enum ServerError {
    /// There is no connection.
    #[error("{}", connect_text(.0))]
    Connect(#[from] ConnectError),
    /// The server refuses.
    #[error("the server says: {}", .0.text())]
    Refused(OpStatus),
    /// It speaks another version of the protocol.
    #[error("the server speaks version {0:#06x} of the protocol, this is 0x0111")]
    Version(u16),
    /// The exchange broke off, or the answer makes no sense.
    #[error("{0}")]
    Exchange(ExchangeError),
    /// The server hands out another device than asked for.
    #[error("the server hands out {0} instead")]
    OtherDevice(String),
}

impl From<ExchangeError> for ServerError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Op(OpError::Status(status)) => Self::Refused(status),
            ExchangeError::Op(OpError::Version(version)) => Self::Version(version),
            error => Self::Exchange(error),
        }
    }
}

impl From<OpError> for ServerError {
    fn from(error: OpError) -> Self {
        ExchangeError::from(error).into()
    }
}

/// The cause, where C has only "System error"; without Rust's decoration.
fn connect_text(error: &ConnectError) -> String {
    let ConnectError::Unreachable(cause) = error else {
        return error.to_string();
    };
    let text = cause.to_string();
    let plain = text.split(" (os error").next();
    plain.unwrap_or(&text).to_owned()
}

impl Server {
    /// The devices on offer, in the server's order; those in use are usually not among them.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn devices(&self) -> Result<Vec<Listed>, ServerError> {
        let mut channel = self.channel()?;
        channel.send(&OpHeader::request(Operation::DevList).encode())?;
        channel.receive_reply(Operation::DevList)?;
        let count = decode_device_count(&channel.receive::<4>()?)?;
        (0..count).map(|_| receive_device(&mut channel)).collect()
    }

    /// Imports a device: from now on the server keeps it for this connection.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn import(&self, busid: &str) -> Result<Imported, ServerError> {
        let mut channel = self.channel()?;
        channel.send(&encode_import_request(&BusIdText::new(busid.as_bytes())))?;
        channel.receive_reply(Operation::Import)?;
        let record = UsbDevice::decode(&channel.receive::<USB_DEVICE_LEN>()?)?;
        if record.busid.as_bytes() != busid.as_bytes() {
            let other = record.busid.as_bytes().escape_ascii().to_string();
            return Err(ServerError::OtherDevice(other));
        }
        Ok(Imported::new(channel, record))
    }

    fn channel(&self) -> Result<Channel, ServerError> {
        let stream: TcpStream = connect(&self.host, &self.port)?;
        self.dead_peer
            .apply(&stream)
            .map_err(|error| ServerError::Exchange(error.into()))?;
        Ok(Channel::new(stream, PATIENCE))
    }
}

fn receive_device(channel: &mut Channel) -> Result<Listed, ServerError> {
    let record = UsbDevice::decode(&channel.receive::<USB_DEVICE_LEN>()?)?;
    let interfaces: Result<Vec<_>, ServerError> = (0..record.num_interfaces)
        .map(|_| {
            let bytes = channel.receive::<USB_INTERFACE_LEN>()?;
            Ok(UsbClass::decode_interface(&bytes)?)
        })
        .collect();
    Ok(Listed {
        identity: Identity::of_remote(&record, &interfaces?),
        number: (record.busnum, record.devnum),
    })
}
