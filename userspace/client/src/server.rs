// SPDX-License-Identifier: GPL-2.0

//! Asking a server.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use thiserror::Error;
use usbip_identity::Identity;
use usbip_net::{connect, Channel, ConnectError, DeadPeerLimit, ExchangeError, Patience, TcpPort};
use usbip_protocol::op::{
    decode_device_count, encode_import_request, BusIdText, OpError, OpHeader, OpStatus, Operation,
    UsbClass, UsbDevice, USB_DEVICE_LEN, USB_INTERFACE_LEN,
};

use crate::Imported;

/// Longest time for a whole exchange. A server may have to reset the device first; a list of a
/// thousand devices gets through in that time at 64 kbit/s.
const LIMIT: Duration = Duration::from_secs(60);

/// How long an exchange with a server that begins now may take. With a limit for each wait alone, a
/// server that sends a byte now and then would hold its client for ever.
pub fn patience() -> Patience {
    Patience::Until(Instant::now() + LIMIT)
}

/// Whether a server's bus id can be one: it is printed, and is a word in a record.
pub fn is_busid(busid: &str) -> bool {
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace();
    !busid.is_empty() && !busid.contains(is_odd)
}

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
    /// The devices on offer, in the server's order; those in use are usually not among them. What
    /// has no bus id to ask for it by is left out.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn devices(&self) -> Result<Vec<Listed>, ServerError> {
        let mut channel = self.channel()?;
        channel.send(&OpHeader::request(Operation::DevList).encode())?;
        channel.receive_reply(Operation::DevList)?;
        let count = decode_device_count(&channel.receive::<4>()?)?;
        let devices: Result<Vec<_>, _> = (0..count).map(|_| receive_device(&mut channel)).collect();
        let mut devices = devices?;
        devices.retain(|listed| is_busid(&listed.identity.busid));
        Ok(devices)
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
        Ok(Channel::new(stream, patience()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_ends_whatever_the_server_sends() {
        let Patience::Until(end) = patience() else {
            panic!("each wait may last, and there may be any number of them");
        };
        assert!(end > Instant::now() && end <= Instant::now() + LIMIT);
    }

    #[test]
    fn bus_ids_are_words() {
        for busid in ["1-2", "1-2.4.1", "usbip-vudc.0", "1-ü"] {
            assert!(is_busid(busid), "{busid:?}");
        }
        for busid in [
            "",
            "1-2\x1b[2J",
            "1-2\n",
            "1-2 x",
            "1-2\u{9b}2J",
            "\u{2028}",
        ] {
            assert!(!is_busid(busid), "{busid:?}");
        }
    }
}
