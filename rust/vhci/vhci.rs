// SPDX-License-Identifier: GPL-2.0

//! What all controllers of the module share.

use super::controller::Controller;
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

/// The most ports a root hub can have (`USB_SS_MAXPORTS`, as C's Kconfig).
const MAX_PORTS: u32 = 15;
/// The most controllers, as C's Kconfig.
const MAX_CONTROLLERS: u32 = 32;

/// The module's [`Vhci`], for callbacks of the platform bus.
pub(crate) static VHCI: Global<Vhci> = Global::new();

/// What all controllers share. Lives as long as the module.
#[pin_data]
pub(crate) struct Vhci {
    /// Where connections are torn down.
    pub(crate) queue: QueueHandle,
    /// Ports of each root hub.
    pub(crate) ports: usize,
    /// The controllers by number; none while a controller has no driver.
    #[pin]
    controllers: Mutex<KVec<Option<Arc<Controller>>>>,
}

impl Vhci {
    /// Fails with `EINVAL` for numbers out of range.
    pub(crate) fn new(queue: QueueHandle, ports: u32, controllers: u32) -> Result<Arc<Self>> {
        if !(1..=MAX_PORTS).contains(&ports) || !(1..=MAX_CONTROLLERS).contains(&controllers) {
            pr_err!("ports must be 1 to {MAX_PORTS}, controllers 1 to {MAX_CONTROLLERS}\n");
            return Err(EINVAL);
        }
        let mut slots = KVec::new();
        for _ in 0..controllers {
            slots.push(None, GFP_KERNEL)?;
        }
        Arc::pin_init(
            try_pin_init!(Self {
                queue,
                ports: usize::try_from(ports)?,
                controllers <- new_mutex!(slots, "Vhci::controllers"),
            }),
            GFP_KERNEL,
        )
    }

    /// The number of controllers the module was loaded with.
    pub(crate) fn controller_count(&self) -> usize {
        self.controllers.lock().len()
    }

    /// The controller `id`, if it has a driver.
    pub(crate) fn controller(&self, id: usize) -> Option<Arc<Controller>> {
        self.with_controller(id, Arc::clone)
    }

    /// Has `work` look at the controller `id`, which does not lose its driver meanwhile. Task context.
    pub(crate) fn with_controller<R>(
        &self,
        id: usize,
        work: impl FnOnce(&Arc<Controller>) -> R,
    ) -> Option<R> {
        let controllers = self.controllers.lock();
        Some(work(controllers.get(id)?.as_ref()?))
    }

    /// Puts a controller into its slot, or takes it out. Fails with `EINVAL` for an unknown `id`.
    pub(crate) fn set_controller(&self, id: usize, controller: Option<Arc<Controller>>) -> Result {
        let mut controllers = self.controllers.lock();
        let slot = controllers.get_mut(id).ok_or(EINVAL)?;
        let old = core::mem::replace(slot, controller);
        drop(controllers);
        drop(old);
        Ok(())
    }
}
