// SPDX-License-Identifier: GPL-2.0

//! What a server offers.

use log::info;
use usbip_client::patience;
use usbip_identity::Identity;
use usbip_net::{connect, place, Channel, ExchangeError};
use usbip_protocol::op::{
    decode_device_count, OpError, OpHeader, Operation, UsbClass, UsbDevice, USB_DEVICE_LEN,
    USB_INTERFACE_LEN,
};

use crate::cause::Cause;
use crate::environment::Environment;
use crate::report::{fail, Reported, USBIP};

/// A device on offer.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The server's record of it.
    pub record: UsbDevice,
    /// Its interfaces; fewer than announced when the server broke off.
    pub interfaces: Vec<UsbClass>,
}

impl Offered {
    /// Whether all interfaces came.
    pub fn is_complete(&self) -> bool {
        self.interfaces.len() == usize::from(self.record.num_interfaces)
    }

    /// What is known of the device; a device list has no strings.
    pub fn identity(&self) -> Identity {
        Identity::of_remote(&self.record, &self.interfaces)
    }
}

/// A device list, perhaps broken off.
#[derive(Debug, Default)]
pub struct Offers {
    /// The devices, in the server's order.
    pub devices: Vec<Offered>,
    /// How many devices the server announced.
    pub announced: u32,
    /// Why the list ends early.
    pub broken: Option<Reported>,
}

/// Asks `host` for its device list.
///
/// # Errors
/// When there is no list at all; told.
pub fn ask(environment: &Environment, host: &str) -> Result<Offers, Reported> {
    let port = &environment.tcp_port;
    let stream = connect(host, port).map_err(|error| {
        fail(format_args!(
            "could not connect to {}: {error}",
            place(host, port)
        ))
        .because(Cause::of_connect(&error, host, port))
    })?;
    let mut listing = Listing {
        channel: Channel::new(stream, patience()),
        offers: Offers::default(),
    };
    let failed =
        |reported: Reported| reported.then(format_args!("failed to get device list from {host}"));
    listing.start().map_err(failed)?;
    listing.offers.broken = listing.read().map_err(failed).err();
    if listing.offers.announced == 0 {
        info!(target: USBIP, "no exportable devices found on {host}");
    }
    Ok(listing.offers)
}

struct Listing {
    channel: Channel,
    offers: Offers,
}

impl Listing {
    fn start(&mut self) -> Result<(), Reported> {
        let request = OpHeader::request(Operation::DevList).encode();
        self.channel.send(&request).map_err(broken)?;
        let reply = self.channel.receive_reply(Operation::DevList);
        reply.map_err(|error| {
            let text = error.status().text();
            fail(format_args!(
                "Exported Device List Request failed - {text}\n"
            ))
            .because(Cause::of_exchange(&error, None))
        })?;
        let count = self.channel.receive::<4>().map_err(broken)?;
        self.offers.announced = decode_device_count(&count).map_err(malformed)?;
        Ok(())
    }

    fn read(&mut self) -> Result<(), Reported> {
        for _device in 0..self.offers.announced {
            let record = self.channel.receive::<USB_DEVICE_LEN>().map_err(broken)?;
            let record = UsbDevice::decode(&record).map_err(malformed)?;
            let mut interfaces = Vec::new();
            let result = self.interfaces(record.num_interfaces, &mut interfaces);
            self.offers.devices.push(Offered { record, interfaces });
            result?;
        }
        Ok(())
    }

    fn interfaces(&mut self, count: u8, found: &mut Vec<UsbClass>) -> Result<(), Reported> {
        for index in 0..count {
            let record = self.channel.receive::<USB_INTERFACE_LEN>();
            let record = record.map_err(|error| {
                fail(format_args!(
                    "usbip_net_recv failed: usbip_usb_intf[{index}]"
                ))
                .because(Cause::of_exchange(&error, None))
            })?;
            found.push(UsbClass::decode_interface(&record).map_err(malformed)?);
        }
        Ok(())
    }
}

/// C says nothing here unless debugging; the reason is worth a line.
fn broken(error: ExchangeError) -> Reported {
    let quiet = Reported {
        message: error.to_string(),
        cause: None,
    };
    quiet.because(Cause::of_exchange(&error, None))
}

fn malformed(error: OpError) -> Reported {
    broken(error.into())
}
