// SPDX-License-Identifier: GPL-2.0

//! Typed view of the sysfs files USB/IP uses, without libudev.
//!
//! Everything starts at [`Sysfs`], which may stand on any directory, so that tests can build a
//! tree of their own. Values are read when asked for and never cached: a device may vanish at any
//! time, and each reader decides what that means.

#![forbid(unsafe_code)]

mod attribute;
mod busid;
mod device;
mod devid;
mod exported;
mod gadget;
mod host;
mod node;
mod order;
mod port;
mod root;
mod speed;
mod status;
mod usb;
mod vhci;

pub use busid::{BusId, InvalidBusId};
pub use device::Device;
pub use devid::DevId;
pub use exported::{ExportStatus, ExportedDevice};
pub use gadget::Gadget;
pub use host::HostDriver;
pub use node::Node;
pub use port::{Hub, Port, PortState};
pub use root::Sysfs;
pub use speed::Speed;
pub use status::PortRow;
pub use vhci::{Vhci, VhciError};

/// Name of the server's USB device driver.
pub const HOST_DRIVER: &str = "usbip-host";

/// Name of the client's platform driver; part of the devpath of every imported device.
pub const VHCI_DRIVER: &str = "vhci_hcd";

/// Program name the C library puts before its messages.
const LOG_TARGET: &str = "libusbip";
