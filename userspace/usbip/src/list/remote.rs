// SPDX-License-Identifier: GPL-2.0

//! Devices a server exports.

use std::io::Write;

use log::info;
use usbip_net::{connect, Channel, ExchangeError};
use usbip_protocol::op::{
    decode_device_count, OpHeader, Operation, UsbClass, UsbDevice, USB_DEVICE_LEN,
    USB_INTERFACE_LEN,
};

use super::printable;
use crate::environment::Environment;
use crate::import::{told, PATIENCE};
use crate::names::{Names, REMOTE_TEXT_LEN};
use crate::report::{fail, Reported, USBIP};

/// Lists the devices of `host`.
pub fn list(environment: &Environment, host: &str, out: &mut dyn Write) -> Result<(), Reported> {
    let port = &environment.tcp_port;
    let stream = connect(host, port)
        .map_err(|error| fail(format_args!("could not connect to {host}:{port}: {error}")))?;
    let mut listing = Listing {
        channel: Channel::new(stream, PATIENCE),
        names: &environment.names,
        out,
    };
    listing
        .run(host)
        .map_err(|Reported| fail(format_args!("failed to get device list from {host}")))
}

struct Listing<'a> {
    channel: Channel,
    names: &'a Names,
    out: &'a mut dyn Write,
}

impl Listing<'_> {
    fn run(&mut self, host: &str) -> Result<(), Reported> {
        let request = OpHeader::request(Operation::DevList).encode();
        self.channel.send(&request).map_err(broken)?;
        let reply = self.channel.receive_reply(Operation::DevList);
        reply.map_err(|error| {
            let text = error.status().text();
            told(
                &error,
                &format!("Exported Device List Request failed - {text}\n"),
            )
        })?;
        let count = decode_device_count(&self.channel.receive::<4>().map_err(broken)?)
            .map_err(|error| broken(error.into()))?;
        if count == 0 {
            info!(target: USBIP, "no exportable devices found on {host}");
            return Ok(());
        }
        writeln!(self.out, "Exportable USB devices")?;
        writeln!(self.out, "======================")?;
        writeln!(self.out, " - {host}")?;
        for _device in 0..count {
            self.device()?;
        }
        Ok(())
    }

    fn device(&mut self) -> Result<(), Reported> {
        let record = self.channel.receive::<USB_DEVICE_LEN>().map_err(broken)?;
        let device = UsbDevice::decode(&record).map_err(|error| broken(error.into()))?;
        let product = self
            .names
            .product(device.id_vendor, device.id_product, REMOTE_TEXT_LEN);
        self.line(&printable(device.busid.as_bytes()), &product)?;
        self.line("", printable(device.path.as_bytes()).as_bytes())?;
        self.line("", &self.names.class(device.class, REMOTE_TEXT_LEN))?;
        for index in 0..device.num_interfaces {
            self.interface(index)?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    fn interface(&mut self, index: u8) -> Result<(), Reported> {
        let record = self.channel.receive::<USB_INTERFACE_LEN>();
        let record = record.map_err(|error| {
            told(
                &error,
                &format!("usbip_net_recv failed: usbip_usb_intf[{index}]"),
            )
        })?;
        let class = UsbClass::decode_interface(&record).map_err(|error| broken(error.into()))?;
        let class = self.names.class(class, REMOTE_TEXT_LEN);
        write!(self.out, "{:>11}: {index:2} - ", "")?;
        self.out.write_all(&class)?;
        writeln!(self.out)?;
        Ok(())
    }

    fn line(&mut self, label: &str, text: &[u8]) -> Result<(), Reported> {
        write!(self.out, "{label:>11}: ")?;
        self.out.write_all(text)?;
        writeln!(self.out)?;
        Ok(())
    }
}

/// C says nothing here unless debugging; the reason is worth a line.
fn broken(error: ExchangeError) -> Reported {
    info!(target: USBIP, "{error}");
    Reported
}
