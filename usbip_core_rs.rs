// SPDX-License-Identifier: GPL-2.0

//! USB/IP core: carries the library crate [`usbip`] for the other two modules.

#![deny(unsafe_code)]

use kernel::prelude::*;

module! {
    type: Core,
    name: "usbip_core_rs",
    authors: ["The usbip-rs founders"],
    description: "USB/IP Core",
    license: "GPL",
}

/// Nothing to set up: what exists once is in statics of the library crate.
struct Core;

impl kernel::Module for Core {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("USB/IP core, library of usbip_host_rs and vhci_hcd_rs\n");
        Ok(Self)
    }
}
