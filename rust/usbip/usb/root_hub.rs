// SPDX-License-Identifier: GPL-2.0

//! What a host controller driver does for a root hub.

use super::{
    enqueued::{
        DequeuedUrb,
        EnqueuedUrb, //
    },
    hcd_ref::HcdRef, //
};
use kernel::prelude::*;

/// One root hub of a controller, as usbcore drives it.
///
/// Unless said otherwise, the functions may run in any context, with interrupts off or not.
pub trait RootHub: Send + Sync + 'static {
    /// The driver's name: it appears as manufacturer of the root hubs.
    const DESCRIPTION: &'static CStr;
    /// What the controller is: it appears as product of the root hubs.
    const PRODUCT: &'static CStr;

    /// The root hub is about to be used; `hcd` is what to poke when a port changes. Task context.
    fn start(&self, hcd: HcdRef);

    /// Takes a URB, or refuses it. A URB that has been linked must be given back, later.
    fn urb_enqueue(&self, urb: EnqueuedUrb<'_>) -> Result;

    /// Begins to cancel a URB, or says that there is nothing to cancel.
    fn urb_dequeue(&self, urb: DequeuedUrb<'_>) -> Result;

    /// Sets a bit for each port with a change (bit 0 is the hub's own) and returns the bytes used,
    /// or 0 if nothing has changed. `map` has room for a hub of 31 ports.
    fn status_data(&self, map: &mut [u8]) -> usize;

    /// Answers a request to the hub; returns the bytes of `reply` that the core does not know by
    /// itself. Task context, may not sleep.
    fn control(&self, request: HubRequest, reply: &mut [u8]) -> Result<usize>;
}

/// A class request to a root hub (USB 2.0, 11.24).
#[derive(Clone, Copy, Debug)]
pub struct HubRequest {
    /// `bmRequestType << 8 | bRequest`.
    pub type_req: u16,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`.
    pub length: u16,
    /// Whether the controller can be reached, which it cannot while the system sleeps.
    pub accessible: bool,
}
