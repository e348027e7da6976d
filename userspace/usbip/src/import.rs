// SPDX-License-Identifier: GPL-2.0

//! Asking a server for a device, in the words of C.

use std::net::TcpStream;

use usbip_client::patience;
use usbip_net::{connect, Channel, ExchangeError};
use usbip_protocol::op::{self, BusIdText, Operation, UsbDevice, USB_DEVICE_LEN};

use crate::cause::{Cause, Kind};
use crate::environment::Environment;
use crate::list::printable;
use crate::report::{fail, Reported};

/// Imports a device. From then on the stream carries URBs, so not a byte more is read from it.
///
/// # Errors
/// When there is no connection, the server refuses, breaks off, or hands out another device; told.
pub fn import(
    environment: &Environment,
    host: &str,
    busid: &str,
) -> Result<(TcpStream, UsbDevice), Reported> {
    let port = &environment.tcp_port;
    let stream = connect(host, port)
        .map_err(|error| fail("tcp connect").because(Cause::of_connect(&error, host, port)))?;
    let mut channel = Channel::new(stream, patience());
    let request = op::encode_import_request(&BusIdText::new(busid.as_bytes()));
    let broken = |error: ExchangeError, text: &str| {
        fail(text).because(Cause::of_exchange(&error, Some(busid)))
    };
    channel
        .send(&request)
        .map_err(|error| broken(error, "send op_common"))?;
    channel.receive_reply(Operation::Import).map_err(|error| {
        let status = error.status().text();
        let text = format!("Attach Request for {busid} failed - {status}\n");
        broken(error, &text)
    })?;
    let record = channel
        .receive::<USB_DEVICE_LEN>()
        .map_err(|error| broken(error, "recv op_import_reply"))?;
    let device = UsbDevice::decode(&record).map_err(|_| fail("recv op_import_reply"))?;
    if device.busid.as_bytes() != busid.as_bytes() {
        let other = printable(device.busid.as_bytes());
        let cause = Cause::new(
            Kind::BadAnswer,
            format!("the server hands out {other} instead of {busid}"),
            "see what it has with \"usbip list -r\"",
        );
        return Err(fail(format_args!("recv different busid {other}")).because(cause));
    }
    let stream = channel.into_stream().map_err(|_| fail("import device"))?;
    Ok((stream, device))
}
