// SPDX-License-Identifier: GPL-2.0

//! URBs that usbcore hands to a host controller driver, or wants back from it.
//!
//! A URB's way is a chain of tokens: [`EnqueuedUrb`] (usbcore asks), [`LinkedUrb`] (ours, until it
//! is given back). Only the owner of a token can touch the URB.

use super::{
    endpoint::{
        pipe_device,
        EndpointKind, //
    },
    hcd_ref::HcdRef,
    linked::LinkedUrb,
    Device, //
};
use crate::compat::SpinLockIrqGuard;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};
use usbip_bindings::{
    usb_hcd_check_unlink_urb,
    usb_hcd_link_urb_to_ep, //
};

/// A URB that usbcore wants to have enqueued.
///
/// # Invariants
///
/// We are inside of `urb_enqueue`: the URB is valid, complete, and not linked to its endpoint.
pub struct EnqueuedUrb<'a> {
    hcd: &'a HcdRef,
    raw: NonNull<bindings::urb>,
}

impl<'a> EnqueuedUrb<'a> {
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(super) unsafe fn new(hcd: &'a HcdRef, raw: NonNull<bindings::urb>) -> Self {
        // INVARIANT: The caller promises it.
        Self { hcd, raw }
    }

    fn urb(&self) -> &bindings::urb {
        // SAFETY: Valid by the type invariants.
        unsafe { self.raw.as_ref() }
    }

    /// The port of the root hub that leads to the device, counted from 1.
    pub fn port_number(&self) -> usize {
        // SAFETY: An enqueued URB has a device.
        usize::from(unsafe { (*self.urb().dev).portnum })
    }

    /// The device.
    pub fn device(&self) -> ARef<Device> {
        // SAFETY: An enqueued URB has a device, which is valid for as long as the URB.
        unsafe { Device::from_raw(self.urb().dev) }.into()
    }

    /// Whether the URB is for `device`.
    pub fn is_for(&self, device: &Device) -> bool {
        core::ptr::eq(self.urb().dev, device.as_raw())
    }

    /// The address a SET_ADDRESS asks for (`wValue`).
    pub fn requested_address(&self) -> u16 {
        let [_, _, low, high, ..] = self.setup().unwrap_or_default();
        u16::from_le_bytes([low, high])
    }

    /// The device's address; 0 while it has none.
    pub fn devnum(&self) -> u8 {
        pipe_device(self.urb().pipe)
    }

    /// The setup packet, for a control transfer.
    pub fn setup(&self) -> Option<[u8; 8]> {
        // SAFETY: The URB is complete by the type invariants.
        unsafe { setup_of(self.urb()) }
    }

    /// Whether there is memory for the data that the URB announces.
    pub fn has_buffer(&self) -> bool {
        let urb = self.urb();
        urb.transfer_buffer_length == 0 || urb.num_sgs > 0 || !urb.transfer_buffer.is_null()
    }

    /// Links the URB to its endpoint: from here on it has to be given back. `cookie`, not 0, is
    /// what [`DequeuedUrb::cookie`] will return.
    ///
    /// Any context, with the lock held that protects the driver's queue.
    pub fn link<T>(self, cookie: usize, _queue: &SpinLockIrqGuard<'_, T>) -> Result<LinkedUrb> {
        // SAFETY: Valid by the type invariants; the driver's lock is held with interrupts off.
        to_result(unsafe { usb_hcd_link_urb_to_ep(self.hcd.as_raw(), self.raw.as_ptr()) })?;
        // SAFETY: The URB is ours now.
        unsafe { (*self.raw.as_ptr()).hcpriv = cookie as *mut c_void };
        // SAFETY: Just linked; the hcd is the URB's own.
        Ok(unsafe { LinkedUrb::new(self.hcd.as_non_null(), self.raw) })
    }
}

/// A URB that usbcore wants to have back.
///
/// # Invariants
///
/// We are inside of `urb_dequeue`: the URB is valid, though it may be ours no more.
pub struct DequeuedUrb<'a> {
    hcd: &'a HcdRef,
    raw: NonNull<bindings::urb>,
    status: i32,
}

impl<'a> DequeuedUrb<'a> {
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(super) unsafe fn new(hcd: &'a HcdRef, raw: NonNull<bindings::urb>, status: i32) -> Self {
        // INVARIANT: The caller promises it.
        Self { hcd, raw, status }
    }

    /// The port of the root hub that leads to the device, counted from 1.
    pub fn port_number(&self) -> usize {
        // SAFETY: The URB is valid by the type invariants and keeps its device.
        usize::from(unsafe { (*(*self.raw.as_ptr()).dev).portnum })
    }

    /// Asks usbcore whether the URB may still be unlinked, and has it remember that it was.
    ///
    /// Any context, with the lock held that protects the driver's queue. Fails with `EIDRM` if it
    /// is not linked, or `EBUSY` if it has been unlinked before.
    pub fn check<T>(&self, _queue: &SpinLockIrqGuard<'_, T>) -> Result {
        // SAFETY: Valid by the type invariants; the driver's lock is held with interrupts off.
        to_result(unsafe {
            usb_hcd_check_unlink_urb(self.hcd.as_raw(), self.raw.as_ptr(), self.status)
        })
    }

    /// What [`EnqueuedUrb::link`] was given, 0 if the URB has been given back. Stable while the
    /// lock is held that protects the driver's queue.
    pub fn cookie(&self) -> usize {
        // SAFETY: Valid by the type invariants.
        unsafe { (*self.raw.as_ptr()).hcpriv as usize }
    }

    /// The status usbcore wants the URB to have.
    pub fn status(&self) -> i32 {
        self.status
    }
}

/// The setup packet of a control transfer.
///
/// # Safety
///
/// `urb` is complete.
pub(super) unsafe fn setup_of(urb: &bindings::urb) -> Option<[u8; 8]> {
    if EndpointKind::from_pipe(urb.pipe) != EndpointKind::Control || urb.setup_packet.is_null() {
        return None;
    }
    // SAFETY: A complete control URB has a setup packet of eight bytes.
    Some(unsafe { urb.setup_packet.cast::<[u8; 8]>().read() })
}
