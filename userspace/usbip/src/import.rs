// SPDX-License-Identifier: GPL-2.0

//! Asking a server for a device.

use std::net::TcpStream;
use std::time::Duration;

use log::info;
use usbip_net::{Channel, ExchangeError, Patience};
use usbip_protocol::op::{self, BusIdText, Operation, UsbDevice, USB_DEVICE_LEN};

use crate::list::printable;
use crate::report::{fail, Reported, USBIP};

/// Longest wait for any part of a server's answer; it may have to reset the device first.
pub const PATIENCE: Patience = Patience::PerWait(Duration::from_secs(30));

/// Imports a device. From then on the stream carries URBs, so not a byte more is read from it.
///
/// # Errors
/// When the server refuses, breaks off, or hands out another device; told.
pub fn import(stream: TcpStream, busid: &str) -> Result<(TcpStream, UsbDevice), Reported> {
    let mut channel = Channel::new(stream, PATIENCE);
    let request = op::encode_import_request(&BusIdText::new(busid.as_bytes()));
    channel
        .send(&request)
        .map_err(|error| told(&error, "send op_common"))?;
    channel.receive_reply(Operation::Import).map_err(|error| {
        let text = error.status().text();
        told(
            &error,
            &format!("Attach Request for {busid} failed - {text}\n"),
        )
    })?;
    let record = channel
        .receive::<USB_DEVICE_LEN>()
        .map_err(|error| told(&error, "recv op_import_reply"))?;
    let device = UsbDevice::decode(&record).map_err(|_| fail("recv op_import_reply"))?;
    if device.busid.as_bytes() != busid.as_bytes() {
        let other = printable(device.busid.as_bytes());
        return Err(fail(format_args!("recv different busid {other}")));
    }
    let stream = channel.into_stream().map_err(|_| fail("import device"))?;
    Ok((stream, device))
}

/// Prints the error line of C and, unless the peer simply refused, the reason behind it.
pub fn told(error: &ExchangeError, text: &str) -> Reported {
    let reported = fail(text);
    if !matches!(error, ExchangeError::Op(op::OpError::Status(_))) {
        info!(target: USBIP, "{error}");
    }
    reported
}
