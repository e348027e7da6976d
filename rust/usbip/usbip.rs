// SPDX-License-Identifier: GPL-2.0

//! The library crate of the USB/IP modules.
//!
//! It is linked into `usbip_core_rs.ko` and exported from there. All `unsafe` code lives here: the
//! drivers on top (`usbip_host_rs`, `vhci_hcd_rs`) have none. Three layers, each ignorant of the
//! next:
//!
//! - [`protocol`]: bytes to validated values and back; pure `core`, shared with user space;
//! - [`usb`]: URBs, devices, the device driver and the host controller driver interface;
//! - [`net`], [`kthread`], [`workqueue`], [`platform`], [`sysfs`]: what the kernel crate does not
//!   wrap yet and a connection needs.
//!
//! What the first trials on a stock kernel showed, for whoever touches the foundations:
//!
//! - The kernel crate's `usb` module does not exist where `CONFIG_USB` is `m`, as in Debian, but
//!   `kernel::bindings` holds all of `linux/usb.h`. `linux/usb/hcd.h` is missing there;
//!   `usbip_bindings` adds it without recursion, so that `usb_hcd.self` is the kernel crate's own
//!   `usb_bus`.
//! - `usb_create_hcd()` stores the hcd in the platform device's driver data, where the kernel
//!   crate keeps a driver's private data. The kernel crate writes after `probe` and usbcore never
//!   reads the pointer back for such a device, so the two get along.
//! - A thread that is stopped before it first ran never calls its function; see [`kthread`].

use kernel::prelude::*;

pub mod bh;
pub mod compat;
pub mod debug;
pub mod global;
pub mod kthread;
pub mod link;
pub mod net;
pub mod platform;
pub mod protocol;
pub mod scan;
pub mod sysfs;
pub mod usb;
pub mod workqueue;

mod device;

/// The prefix of `pr_*!` lines; a crate with a `module!` gets it from there.
const __LOG_PREFIX: &[u8] = b"usbip_core_rs\0";

impl From<protocol::ProtocolError> for Error {
    fn from(_: protocol::ProtocolError) -> Self {
        compat::EPROTO
    }
}

impl kernel::fmt::Display for protocol::ProtocolError {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
