// SPDX-License-Identifier: GPL-2.0

//! What all exported devices share.

use super::{
    budget::Limits,
    busid::{
        BusId,
        BusIds, //
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use usbip::{
    global::Global,
    workqueue::QueueHandle, //
};

/// The module's [`Host`], for callbacks of the USB bus and of sysfs.
pub(crate) static HOST: Global<Host> = Global::new();

/// What all exported devices share. Lives as long as the module.
#[pin_data]
pub(crate) struct Host {
    /// Where connections are torn down.
    pub(crate) queue: QueueHandle,
    /// What a client may have the server hold.
    pub(crate) limits: Limits,
    /// Never held across a call into usbcore.
    #[pin]
    pub(crate) busids: Mutex<BusIds>,
}

impl Host {
    pub(crate) fn new(queue: QueueHandle, limits: Limits) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                queue,
                limits,
                busids <- new_mutex!(BusIds::default(), "Host::busids"),
            }),
            GFP_KERNEL,
        )
    }

    /// `rebind`: takes a name out of the table and offers its device to other drivers. The name
    /// stays if that fails, with the driver core's error. Fails with `ENODEV` for an unknown name.
    pub(crate) fn rebind(&self, name: BusId) -> Result {
        let Some(device) = self.busids.lock().release(name)? else {
            return Ok(());
        };
        let result = device.find_driver();
        if result.is_err() {
            self.busids.lock().restore(name, device);
        }
        result
    }
}

/// Offers all devices that were bound to other drivers when the module goes.
pub(crate) struct ReturnDevices;

impl Drop for ReturnDevices {
    fn drop(&mut self) {
        let Some(host) = HOST.get() else {
            return;
        };
        loop {
            let device = host.busids.lock().release_any();
            let Some(device) = device else {
                return;
            };
            if let Err(error) = device.find_driver() {
                dev_err!(device.device(), "rebind failed: {}\n", error.to_errno());
            }
        }
    }
}
