// SPDX-License-Identifier: GPL-2.0

//! Serving one connection: one request, one reply.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;

use log::{debug, error, info};
use rustix::fs::fstat;
use usbip_logger::Reason;
use usbip_net::{Channel, ExchangeError};
use usbip_protocol::op::{BusIdText, OpStatus, Operation, BUSID_LEN};
use usbip_service::Client;
use usbip_sysfs::{ExportStatus, ExportedDevice};

use crate::exports::Exports;
use crate::peer::Peer;
use crate::waiting::Place;
use crate::{reply, Reported, USBIP, USBIPD};

/// Receives the request and answers it. A request in another protocol version, or with a status,
/// gets no answer.
pub fn serve(exports: &Exports, mut channel: Channel, peer: &Peer, place: &Place) {
    let header = match channel.receive_request() {
        Ok(header) => header,
        Err(reason) => {
            debug!(target: USBIPD, "could not receive opcode: {reason}");
            return;
        }
    };
    let number = channel.stream().as_raw_fd();
    let code = header.code;
    info!(target: USBIPD, "received request: {code:#x}({number})");
    let result = match Operation::from_request_code(code) {
        Some(Operation::DevList) => send_list(exports, channel),
        Some(Operation::Import) => {
            let busid = channel.receive::<BUSID_LEN>();
            place.hold();
            let busid = busid.map_err(|error| told(&error));
            busid.and_then(|busid| import(exports, channel, peer, &BusIdText::new(&busid)))
        }
        None => {
            error!(target: USBIPD, "received an unknown opcode: {code:#x}");
            Err(Reported)
        }
    };
    let outcome = match result {
        Ok(()) => "complete",
        Err(Reported) => "failed",
    };
    info!(target: USBIPD, "request {code:#x}({number}): {outcome}");
}

fn send_list(exports: &Exports, mut channel: Channel) -> Result<(), Reported> {
    let (count, bytes) = reply::device_list(&exports.read());
    info!(target: USBIPD, "exportable devices: {count}");
    channel.send(&bytes).map_err(|error| told(&error))
}

fn import(
    exports: &Exports,
    channel: Channel,
    peer: &Peer,
    busid: &BusIdText,
) -> Result<(), Reported> {
    let name = busid.as_bytes().escape_ascii();
    let devices = exports.read();
    let wanted = devices
        .iter()
        .find(|device| device.busid().as_bytes() == busid.as_bytes());
    let Some(device) = wanted else {
        info!(target: USBIPD, "requested device not found: {name}");
        return refuse(channel, OpStatus::NO_DEVICE);
    };
    info!(target: USBIPD, "found requested device: {name}");
    match device.status {
        ExportStatus::Available => export(device, channel, peer),
        ExportStatus::Used => refuse(channel, OpStatus::DEVICE_BUSY),
        ExportStatus::Error => refuse(channel, OpStatus::DEVICE_ERROR),
        ExportStatus::Unknown => refuse(channel, OpStatus::NOT_AVAILABLE),
    }
}

fn refuse(mut channel: Channel, status: OpStatus) -> Result<(), Reported> {
    channel
        .send(&reply::refusal(status))
        .map_err(|error| told(&error))?;
    Err(Reported)
}

/// Hands the connection to the kernel, then tells the client, in this order: the client starts to
/// send as soon as it knows.
fn export(device: &ExportedDevice, channel: Channel, peer: &Peer) -> Result<(), Reported> {
    let stream = channel.into_stream().map_err(|error| told(&error.into()))?;
    match device.export(&stream) {
        Ok(()) => {
            info!(target: USBIP, "connect: {}", device.busid());
            write_down(device, peer, &stream);
            finish(&stream, &reply::imported(device))
        }
        Err(error) => {
            let (busid, reason) = (device.busid(), Reason(&error));
            error!(target: USBIP, "write_sysfs_attribute failed: usbip_sockfd of {busid}: {reason}");
            finish(&stream, &reply::refusal(OpStatus::NOT_AVAILABLE)).and(Err(Reported))
        }
    }
}

/// For "usbip status".
fn write_down(device: &ExportedDevice, peer: &Peer, stream: &TcpStream) {
    let address = peer.machine();
    match fstat(stream) {
        Ok(stat) => {
            let inode = stat.st_ino;
            Client { address, inode }.write(USBIPD, device.busid());
        }
        Err(error) => debug!(target: USBIPD, "fstat: {error}"),
    }
}

/// Sends the last bytes of the op phase. If that fails the kernel must not keep the device for a
/// client that knows nothing of it.
fn finish(mut stream: &TcpStream, bytes: &[u8]) -> Result<(), Reported> {
    stream.write_all(bytes).map_err(|error| {
        let _ = stream.shutdown(Shutdown::Both);
        told(&error.into())
    })
}

fn told(error: &ExchangeError) -> Reported {
    debug!(target: USBIPD, "{error}");
    Reported
}
