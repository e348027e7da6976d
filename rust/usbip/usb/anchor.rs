// SPDX-License-Identifier: GPL-2.0

//! The transfers in flight of one connection.

use super::transfer::{
    Handler,
    InFlight,
    Transfer, //
};
use crate::compat::SpinLockIrq;
use core::marker::PhantomData;
use kernel::{
    bindings,
    container_of,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        ArcBorrow, //
    },
    types::Opaque, //
};

/// A `struct usb_anchor`: usbcore takes a transfer off it before it calls the completion handler.
///
/// # Invariants
///
/// Every URB on the list belongs to a [`Transfer<T>`] and its `context` leads to that transfer,
/// which is alive for as long as the URB is on the list.
#[pin_data]
pub struct Anchor<T: Handler> {
    #[pin]
    raw: Opaque<bindings::usb_anchor>,
    _transfers: PhantomData<T>,
}

// SAFETY: The list has a lock of its own.
unsafe impl<T: Handler> Send for Anchor<T> {}
// SAFETY: As above.
unsafe impl<T: Handler> Sync for Anchor<T> {}

impl<T: Handler> Anchor<T> {
    /// An anchor without transfers (`init_usb_anchor()`).
    pub fn new() -> impl PinInit<Self> {
        // INVARIANT: The list is empty.
        pin_init!(Self {
            raw <- Opaque::ffi_init(|raw: *mut bindings::usb_anchor| {
                // SAFETY: `raw` is valid for writes and pinned; the names and classes are static.
                unsafe {
                    raw.write(bindings::usb_anchor::default());
                    bindings::INIT_LIST_HEAD(&raw mut (*raw).urb_list);
                    init_locks(raw);
                }
            }),
            _transfers: PhantomData,
        })
    }

    pub(super) fn as_raw(&self) -> *mut bindings::usb_anchor {
        self.raw.get()
    }

    /// The first transfer in flight for which `wanted` holds.
    ///
    /// Any context. `wanted` runs with the anchor's lock held and interrupts off.
    pub fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<InFlight<T>> {
        let anchor = self.as_raw();
        let mut found = None;
        // SAFETY: The anchor is initialised. Under its lock no URB leaves the list, so by the type
        // invariants every `context` on the way leads to a live transfer.
        unsafe {
            let _guard = SpinLockIrq::from_raw(&raw mut (*anchor).lock).lock();
            let head = &raw mut (*anchor).urb_list;
            let mut entry = (*head).next;
            while entry != head {
                let urb = container_of!(entry, bindings::urb, anchor_list);
                let transfer = ArcBorrow::from_raw((*urb).context.cast::<Transfer<T>>());
                if wanted(transfer.data()) {
                    found = Some(InFlight::new(transfer.into()));
                    break;
                }
                entry = (*entry).next;
            }
        }
        found
    }

    /// Whether the completion handler of a transfer that is not here any more may still be running.
    ///
    /// If not, and [`find`](Self::find) has missed a transfer before, then who takes a lock that its
    /// handler takes comes after the handler. Any context.
    pub fn is_completing(&self) -> bool {
        // usbcore counts up, takes the transfer off with the anchor's lock, calls the handler, and counts
        // down.
        // SAFETY: The anchor is initialised, and the counter an `int`.
        let completing = unsafe {
            let counter = &raw mut (*self.as_raw()).suspend_wakeups.counter;
            Atomic::from_ptr(counter).load(Relaxed)
        };
        completing != 0
    }

    /// Cancels all transfers in flight and waits until their completion handlers have returned.
    ///
    /// Task context, may sleep. Nobody may submit at the same time.
    pub fn kill_all(&self) {
        // SAFETY: The anchor is initialised.
        unsafe { bindings::usb_kill_anchored_urbs(self.as_raw()) };
    }
}

/// Initialises the wait queue and the lock of an anchor. Not generic: a lock class has one name,
/// whichever crate uses it.
///
/// # Safety
///
/// `raw` is valid for writes, pinned, and nobody else's yet.
#[inline(never)]
unsafe fn init_locks(raw: *mut bindings::usb_anchor) {
    // SAFETY: The caller promises it; the names and classes are static.
    unsafe {
        bindings::__init_waitqueue_head(
            &raw mut (*raw).wait,
            c"usbip_anchor_wait".as_char_ptr(),
            static_lock_class!().as_ptr(),
        );
        bindings::__spin_lock_init(
            &raw mut (*raw).lock,
            c"usbip_anchor_lock".as_char_ptr(),
            static_lock_class!().as_ptr(),
        );
    }
}
