// SPDX-License-Identifier: GPL-2.0

//! The stub driver: serves local devices to clients.

#![deny(unsafe_code)]

use kernel::{
    driver::Registration,
    prelude::*, //
};
use usbip::{
    compat::parameter,
    global::Filled,
    usb::driver::Adapter,
    workqueue::OwnedQueue, //
};

#[path = "rust/host/arrival.rs"]
mod arrival;
#[path = "rust/host/budget.rs"]
mod budget;
#[path = "rust/host/busid.rs"]
mod busid;
#[path = "rust/host/driver.rs"]
mod driver;
#[path = "rust/host/export.rs"]
mod export;
#[path = "rust/host/host.rs"]
mod host;
#[path = "rust/host/job.rs"]
mod job;
#[path = "rust/host/outbox.rs"]
mod outbox;
#[path = "rust/host/pool.rs"]
mod pool;
#[path = "rust/host/rx.rs"]
mod rx;
#[path = "rust/host/special.rs"]
mod special;
#[path = "rust/host/sysfs.rs"]
mod sysfs;
#[path = "rust/host/tx.rs"]
mod tx;

use budget::Limits;
use host::{
    Host,
    HOST, //
};

module! {
    type: HostModule,
    name: "usbip_host_rs",
    authors: ["The usbip-rs founders"],
    description: "USB/IP Host Driver",
    license: "GPL",
    params: {
        max_requests: u32 {
            default: 4096,
            description: "Unanswered requests a client may have",
        },
        max_bytes: u32 {
            default: 67108864,
            description: "Bytes of transfer buffers a client may have",
        },
    },
}

/// The fields are torn down in this order: the driver leaves its devices, the devices that were
/// taken from other drivers go back to them, and the work that is left is done.
#[pin_data]
struct HostModule {
    #[pin]
    _driver: Registration<Adapter<driver::Stub>>,
    _devices: host::ReturnDevices,
    _global: Filled<Host>,
    _queue: OwnedQueue,
}

impl kernel::InPlaceModule for HostModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _queue: OwnedQueue::new(c"usbip_host")?,
            _global: HOST.fill(Host::new(
                _queue.handle(),
                Limits {
                    requests: usize::try_from(parameter(module_parameters::max_requests.value()))?,
                    bytes: usize::try_from(parameter(module_parameters::max_bytes.value()))?,
                },
            )?)?,
            _devices: host::ReturnDevices,
            _driver <- Registration::new(driver::NAME, module),
        })
    }
}
