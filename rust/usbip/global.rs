// SPDX-License-Identifier: GPL-2.0

//! What a module has once, for callbacks that have nothing of their own.

use crate::compat::synchronize_rcu;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        rcu,
        Arc, //
    }, //
};

/// A place for an `Arc<T>` in a `static`, filled for as long as a [`Filled`] lives.
///
/// # Invariants
///
/// `address` is 0 or a pointer from `Arc::into_raw`, whose reference belongs to the [`Filled`] and
/// is given up only an RCU grace period after the address was cleared.
pub struct Global<T: 'static> {
    address: Atomic<usize>,
    _content: PhantomData<Arc<T>>,
}

// SAFETY: The content is reached through `Arc<T>` only.
unsafe impl<T: Send + Sync> Sync for Global<T> {}

impl<T: Send + Sync> Global<T> {
    /// An empty place.
    pub const fn new() -> Self {
        // INVARIANT: Empty.
        Self {
            address: Atomic::new(0),
            _content: PhantomData,
        }
    }

    /// Fills the place. Fails with `EBUSY` if it is filled already.
    pub fn fill(&'static self, content: Arc<T>) -> Result<Filled<T>> {
        let address = Arc::into_raw(content) as usize;
        // INVARIANT: The reference goes to the `Filled`.
        if self.address.cmpxchg(0, address, Full).is_ok() {
            return Ok(Filled(self));
        }
        // SAFETY: The address comes from `into_raw` just above.
        drop(unsafe { Arc::from_raw(address as *const T) });
        Err(EBUSY)
    }

    /// The content, if there is any. Any context.
    pub fn get(&self) -> Option<Arc<T>> {
        let _guard = rcu::read_lock();
        let address = self.address.load(kernel::sync::atomic::Acquire);
        if address == 0 {
            return None;
        }
        // SAFETY: By the type invariants the reference behind the address is not given up within
        // this RCU read section; `ManuallyDrop` leaves it where it is.
        let content = ManuallyDrop::new(unsafe { Arc::from_raw(address as *const T) });
        Some((*content).clone())
    }
}

impl<T: Send + Sync> Default for Global<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps a [`Global`] filled. Dropping it empties the place; it sleeps for a grace period.
#[must_use]
pub struct Filled<T: Send + Sync + 'static>(&'static Global<T>);

impl<T: Send + Sync> Drop for Filled<T> {
    fn drop(&mut self) {
        let address = self.0.address.xchg(0, Full);
        synchronize_rcu();
        // SAFETY: The address comes from `into_raw` in `fill()`; nobody who read it before it was
        // cleared still relies on our reference.
        drop(unsafe { Arc::from_raw(address as *const T) });
    }
}
