// SPDX-License-Identifier: GPL-2.0

//! A USB device of this machine, its own or an imported one.

use serde::Serialize;
use usbip_holder::{holders, Holder};
use usbip_service::Client;
use usbip_sysfs::{Device, Node, HOST_DRIVER};

use crate::environment::Environment;
use crate::list::printable;
use crate::peers::peers;

/// What there is to know of a device; part of the JSON schema.
#[derive(Clone, Debug, Serialize)]
pub struct LocalDevice {
    /// Name on its bus.
    pub busid: String,
    /// Directory in sysfs.
    pub path: String,
    /// `idVendor` and `idProduct`: `0781:5567`.
    pub id: String,
    /// Name of the vendor in `usb.ids`.
    pub vendor: Option<String>,
    /// Name of the product in `usb.ids`.
    pub product: Option<String>,
    /// What the device says of itself.
    pub strings: Strings,
    /// Mbit/s as sysfs has it: `1.5`, `12`, `480`, `5000`, ...
    pub speed: Option<String>,
    /// Class, subclass and protocol: `08/06/50`.
    pub class: String,
    /// Driver of the whole device: `usb`, `usbip-host`, none.
    pub driver: Option<String>,
    /// Interfaces of the active configuration.
    pub interfaces: Vec<Interface>,
    /// Whether others may use it; not for imported devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// What drivers made of it.
    pub nodes: Vec<NodeName>,
    /// Who uses it on this machine.
    pub holders: Vec<Holder>,
}

/// Strings of a device.
#[derive(Clone, Debug, Serialize)]
pub struct Strings {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What it is.
    pub product: Option<String>,
    /// Which one it is.
    pub serial: Option<String>,
}

/// One interface.
#[derive(Clone, Debug, Serialize)]
pub struct Interface {
    /// `bInterfaceNumber`.
    pub number: u8,
    /// Class, subclass and protocol.
    pub class: String,
    /// Its driver.
    pub driver: Option<String>,
}

/// A thing programs can use.
#[derive(Clone, Debug, Serialize)]
pub struct NodeName {
    /// Class: `block`, `tty`, `input`, `net`, ...
    pub subsystem: String,
    /// Name in sysfs.
    pub name: String,
    /// Device file; a network interface has none.
    pub file: Option<String>,
}

/// Whether a device is exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Export {
    /// Its own driver has it.
    NotBound {
        /// Why it is not exported, or cannot be.
        reason: String,
    },
    /// Clients may have it.
    Available,
    /// A client has it.
    InUse {
        /// Clients of this server; more than one when it is not known which of them it is.
        peers: Vec<String>,
    },
    /// Unusable until it is exported anew.
    Error,
}

impl LocalDevice {
    /// Reads a device; what cannot be read is left out.
    pub fn read(environment: &Environment, device: &Device) -> Self {
        let (vendor, product) = device.usb_id();
        let names = &environment.names;
        let text = |name: &str| device.attribute(name).ok();
        let holders = holders(&environment.proc, &environment.dev, device);
        let export = || export(environment, device, &holders);
        Self {
            busid: device.sysname().to_owned(),
            path: device.syspath(),
            id: format!("{vendor:04x}:{product:04x}"),
            vendor: names.vendor(vendor),
            product: names.product_name(vendor, product),
            strings: Strings {
                manufacturer: text("manufacturer"),
                product: text("product"),
                serial: text("serial"),
            },
            speed: text("speed"),
            class: class_text(device.usb_record().class.0),
            driver: device.driver(),
            interfaces: device.interfaces().iter().map(Interface::read).collect(),
            export: (!device.is_imported()).then(export),
            nodes: device.nodes().iter().map(NodeName::new).collect(),
            holders,
        }
    }

    /// `<busid> <vendor> : <product> (vvvv:pppp)`, the best names there are.
    pub fn title(&self) -> String {
        let strings = &self.strings;
        let vendor = self.vendor.as_ref().or(strings.manufacturer.as_ref());
        let product = strings.product.as_ref().or(self.product.as_ref());
        let unknown = |name: Option<&String>, what: &str| match name {
            Some(name) => printable(name.trim().as_bytes()),
            None => format!("unknown {what}"),
        };
        let (vendor, product) = (unknown(vendor, "vendor"), unknown(product, "product"));
        let (busid, id) = (&self.busid, &self.id);
        format!("{busid} {vendor} : {product} ({id})")
    }
}

impl Interface {
    fn read(device: &Device) -> Self {
        let number = device.attribute("bInterfaceNumber").unwrap_or_default();
        Self {
            number: u8::from_str_radix(&number, 16).unwrap_or(0),
            class: class_text(device.interface_class().0),
            driver: device.driver(),
        }
    }
}

impl NodeName {
    fn new(node: &Node) -> Self {
        Self {
            subsystem: node.subsystem.clone(),
            name: node.name.clone(),
            file: node.devname.as_ref().map(|name| format!("/dev/{name}")),
        }
    }

    /// The device file, or the name of what has none.
    pub fn shown(&self) -> &str {
        self.file.as_ref().unwrap_or(&self.name)
    }
}

/// `cc/ss/pp`.
pub fn class_text(class: [u8; 3]) -> String {
    class.map(|code| format!("{code:02x}")).join("/")
}

fn export(environment: &Environment, device: &Device, holders: &[Holder]) -> Export {
    if device.driver().as_deref() != Some(HOST_DRIVER) {
        let reason = not_bound_reason(environment, device, holders);
        return Export::NotBound { reason };
    }
    match device
        .attribute("usbip_status")
        .unwrap_or_default()
        .as_str()
    {
        "1" => Export::Available,
        "2" => Export::InUse {
            peers: peers(
                &environment.proc,
                environment.tcp_port.number(),
                Client::read(device.sysname()),
            ),
        },
        _ => Export::Error,
    }
}

fn not_bound_reason(environment: &Environment, device: &Device, holders: &[Holder]) -> String {
    if let Some(holder) = holders.first() {
        return printable(holder.to_string().as_bytes());
    }
    let interfaces = device.interfaces();
    let mut drivers: Vec<_> = interfaces.iter().filter_map(Device::driver).collect();
    drivers.dedup();
    match (
        environment.sysfs.host_driver().is_loaded(),
        drivers.as_slice(),
    ) {
        (false, _) => format!("{HOST_DRIVER} is not loaded"),
        (true, []) => "no driver has it".to_owned(),
        (true, drivers) => format!("{} has it", drivers.join(", ")),
    }
}
