// SPDX-License-Identifier: GPL-2.0

//! References on a root hub's side of usbcore.
//!
//! C header: [`include/linux/usb/hcd.h`](srctree/include/linux/usb/hcd.h)

use core::ptr::NonNull;
use kernel::bindings;
use usbip_bindings::usb_hcd;

/// A reference on a root hub's side of usbcore.
///
/// # Invariants
///
/// `raw` is a valid hcd on which we hold a reference.
pub struct HcdRef {
    raw: NonNull<usb_hcd>,
}

// SAFETY: The functions called on `raw` may be called from any thread.
unsafe impl Send for HcdRef {}
// SAFETY: As above.
unsafe impl Sync for HcdRef {}

impl Clone for HcdRef {
    fn clone(&self) -> Self {
        // SAFETY: Valid by the type invariants.
        unsafe { usbip_bindings::usb_get_hcd(self.raw.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self { raw: self.raw }
    }
}

impl Drop for HcdRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we hold a reference.
        unsafe { usbip_bindings::usb_put_hcd(self.raw.as_ptr()) };
    }
}

impl HcdRef {
    /// # Safety
    ///
    /// `raw` is valid, and the caller gives up a reference on it.
    pub(super) unsafe fn from_raw(raw: NonNull<usb_hcd>) -> Self {
        // INVARIANT: The caller promises it.
        Self { raw }
    }

    /// # Safety
    ///
    /// `raw` is valid for as long as `'a`.
    pub(super) unsafe fn borrow<'a>(raw: &'a *mut usb_hcd) -> &'a Self {
        // SAFETY: `HcdRef` is nothing but such a pointer. It is borrowed, so it gives up no
        // reference.
        unsafe { &*core::ptr::from_ref(raw).cast() }
    }

    pub(super) fn as_raw(&self) -> *mut usb_hcd {
        self.raw.as_ptr()
    }

    pub(super) fn as_non_null(&self) -> NonNull<usb_hcd> {
        self.raw
    }

    /// Tells usbcore that a port has changed: it calls [`RootHub::status_data`] right back.
    ///
    /// Any context, no lock held. Does nothing once the root hub is gone.
    pub fn poll_status(&self) {
        // SAFETY: Valid by the type invariants.
        unsafe { usbip_bindings::usb_hcd_poll_rh_status(self.as_raw()) };
    }

    /// Waits until the completion handlers of all URBs that have been given back have returned.
    ///
    /// Task context, may sleep, no lock held that such a handler takes.
    pub fn flush(&self) {
        let raw = self.as_raw();
        // What is given back during a run is done in the next, which the first one queues in the end.
        for _ in 0..2 {
            // SAFETY: usbcore initialises both before it calls us, and they live as long as the hcd.
            unsafe {
                bindings::flush_work(&raw mut (*raw).high_prio_bh.bh);
                bindings::flush_work(&raw mut (*raw).low_prio_bh.bh);
            }
        }
    }

    /// Wakes the root hub up, if it sleeps. Any context.
    pub fn resume_root_hub(&self) {
        // SAFETY: Valid by the type invariants.
        unsafe { usbip_bindings::usb_hcd_resume_root_hub(self.as_raw()) };
    }

    /// Whether the bus is suspended.
    pub fn is_suspended(&self) -> bool {
        // SAFETY: Valid by the type invariants; a plain integer that others may change.
        let state = unsafe { (&raw const (*self.as_raw()).state).read_volatile() };
        u32::try_from(state) == Ok(usbip_bindings::HC_STATE_SUSPENDED)
    }

    /// Whether the controller can be reached.
    pub fn is_accessible(&self) -> bool {
        // SAFETY: Valid by the type invariants; a plain integer that others may change.
        let flags = unsafe { (&raw const (*self.as_raw()).flags).read_volatile() };
        flags & 1 << usbip_bindings::HCD_FLAG_HW_ACCESSIBLE != 0
    }

    /// Says whether the controller can be reached. Task context, around a system suspend.
    pub fn set_accessible(&self, accessible: bool) {
        let bit = usbip_bindings::HCD_FLAG_HW_ACCESSIBLE as usize;
        // SAFETY: Valid by the type invariants; the bit operations are atomic.
        unsafe {
            let flags = &raw mut (*self.as_raw()).flags;
            if accessible {
                bindings::set_bit(bit, flags);
            } else {
                bindings::clear_bit(bit, flags);
            }
        }
    }
}
