// SPDX-License-Identifier: GPL-2.0

//! The virtual host controller: imported devices appear on its root hubs.

#![deny(unsafe_code)]

use kernel::{
    driver::Registration,
    prelude::*, //
};
use usbip::{
    compat::parameter,
    global::Filled,
    platform::{
        Adapter,
        OwnedDevice, //
    },
    workqueue::OwnedQueue, //
};

#[path = "rust/vhci/arrival.rs"]
mod arrival;
#[path = "rust/vhci/controller.rs"]
mod controller;
#[path = "rust/vhci/early.rs"]
mod early;
#[path = "rust/vhci/entry.rs"]
mod entry;
#[path = "rust/vhci/hub.rs"]
mod hub;
#[path = "rust/vhci/patience.rs"]
mod patience;
#[path = "rust/vhci/pending.rs"]
mod pending;
#[path = "rust/vhci/port.rs"]
mod port;
#[path = "rust/vhci/rx.rs"]
mod rx;
#[path = "rust/vhci/state.rs"]
mod state;
#[path = "rust/vhci/sysfs.rs"]
mod sysfs;
#[path = "rust/vhci/tx.rs"]
mod tx;
#[path = "rust/vhci/vhci.rs"]
mod vhci;

use controller::Controller;
use vhci::{
    Vhci,
    VHCI, //
};

module! {
    type: VhciModule,
    name: "vhci_hcd_rs",
    authors: ["The usbip-rs founders"],
    description: "USB/IP 'Virtual' Host Controller (VHCI) Driver",
    license: "GPL",
    params: {
        ports: u32 {
            default: 15,
            description: "Ports of each root hub (1 to 15)",
        },
        controllers: u32 {
            default: 8,
            description: "Virtual host controllers (1 to 32)",
        },
    },
}

/// The fields are torn down in this order: the controllers go with their devices, then nothing
/// calls in any more, then the work that is left is done.
#[pin_data]
struct VhciModule {
    _devices: KVec<OwnedDevice>,
    #[pin]
    _driver: Registration<Adapter<Controller>>,
    _global: Filled<Vhci>,
    _queue: OwnedQueue,
}

impl kernel::InPlaceModule for VhciModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _queue: OwnedQueue::new(c"usbip_vhci")?,
            _global: VHCI.fill(Vhci::new(
                _queue.handle(),
                parameter(module_parameters::ports.value()),
                parameter(module_parameters::controllers.value()),
            )?)?,
            _driver <- Registration::new(controller::NAME, module),
            _devices: register_devices(parameter(module_parameters::controllers.value()))?,
        })
    }
}

/// Makes `vhci_hcd.0` and its siblings; the driver binds to each of them at once.
fn register_devices(count: u32) -> Result<KVec<OwnedDevice>> {
    let mut devices = KVec::new();
    for id in 0..i32::try_from(count)? {
        devices.push(OwnedDevice::new(controller::NAME, id)?, GFP_KERNEL)?;
    }
    Ok(devices)
}
