// SPDX-License-Identifier: GPL-2.0

//! Serving one connection: one request, one reply.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;

use log::{debug, error, info};
use usbip_logger::Reason;
use usbip_net::{Channel, ExchangeError};
use usbip_protocol::op::{BusIdText, OpStatus, Operation, BUSID_LEN};
use usbip_sysfs::{ExportStatus, ExportedDevice, Sysfs};

use crate::waiting::Place;
use crate::{exports, reply, Reported, USBIP, USBIPD};

/// Receives the request and answers it. A request in another protocol version, or with a status,
/// gets no answer.
pub fn serve(sysfs: &Sysfs, mut channel: Channel, place: &Place) {
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
        Some(Operation::DevList) => send_list(sysfs, channel),
        Some(Operation::Import) => receive_import(sysfs, channel, place),
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

fn send_list(sysfs: &Sysfs, mut channel: Channel) -> Result<(), Reported> {
    let (count, bytes) = reply::device_list(&exports::read(sysfs));
    info!(target: USBIPD, "exportable devices: {count}");
    channel.send(&bytes).map_err(|error| told(&error))
}

fn receive_import(sysfs: &Sysfs, mut channel: Channel, place: &Place) -> Result<(), Reported> {
    let field = channel
        .receive::<BUSID_LEN>()
        .map_err(|error| told(&error))?;
    place.hold();
    let busid = BusIdText::new(&field);
    let name = busid.as_bytes().escape_ascii();
    let devices = exports::read(sysfs);
    let wanted = devices
        .iter()
        .find(|device| device.busid().as_bytes() == busid.as_bytes());
    let Some(device) = wanted else {
        info!(target: USBIPD, "requested device not found: {name}");
        return refuse(channel, OpStatus::NO_DEVICE);
    };
    info!(target: USBIPD, "found requested device: {name}");
    match device.status {
        ExportStatus::Available => export(device, channel),
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
fn export(device: &ExportedDevice, channel: Channel) -> Result<(), Reported> {
    let stream = channel.into_stream().map_err(|error| told(&error.into()))?;
    match device.export(&stream) {
        Ok(()) => {
            info!(target: USBIP, "connect: {}", device.busid());
            finish(&stream, &reply::imported(device))
        }
        Err(error) => {
            let (busid, reason) = (device.busid(), Reason(&error));
            error!(target: USBIP, "write_sysfs_attribute failed: usbip_sockfd of {busid}: {reason}");
            finish(&stream, &reply::refusal(OpStatus::NOT_AVAILABLE)).and(Err(Reported))
        }
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
