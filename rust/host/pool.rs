// SPDX-License-Identifier: GPL-2.0

//! Answered transfers of a connection, whose URBs and buffers serve again.

use super::job::Job;
use kernel::{
    list::ListArc,
    prelude::*, //
};
use usbip::{
    compat::{
        new_spinlock_irq,
        SpinLockIrq, //
    },
    usb::{
        spare::Spare,
        transfer::Transfer, //
    }, //
};

/// The most transfers that are kept.
const MAX_SPARES: usize = 32;

/// The most bytes in the buffers of those.
const MAX_BYTES: usize = 2 << 20;

/// Transfers that wait for a request like the one they were made for.
#[pin_data]
pub(crate) struct Pool {
    #[pin]
    spares: SpinLockIrq<Spares>,
}

/// The oldest is the first.
struct Spares {
    list: KVec<Spare<Job>>,
    bytes: usize,
}

impl Spares {
    fn has_room(&self, bytes: usize) -> bool {
        self.list.len() < MAX_SPARES && self.bytes + bytes <= MAX_BYTES
    }

    fn remove(&mut self, index: usize) -> Option<Spare<Job>> {
        let spare = self.list.remove(index).ok()?;
        self.bytes -= spare.bytes();
        Some(spare)
    }
}

impl Pool {
    /// An empty one. Task context, may sleep.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            spares <- new_spinlock_irq!(Spares {
                list: KVec::with_capacity(MAX_SPARES, GFP_KERNEL)?,
                bytes: 0,
            }, "Pool::spares"),
        })
    }

    /// Keeps the memory of a transfer that has been answered; what has been here for longest makes
    /// room for it. Any context.
    pub(crate) fn put(&self, job: ListArc<Transfer<Job>>) {
        if !job.data().is_reusable() {
            return;
        }
        let Some(mut spare) = Spare::new(job) else {
            return;
        };
        spare.data_mut().discharge();
        let bytes = spare.bytes();
        if bytes > MAX_BYTES {
            return;
        }
        let mut spares = self.spares.lock();
        while !spares.has_room(bytes) {
            let oldest = spares.remove(0);
            // Nothing is freed with the lock.
            drop(spares);
            drop(oldest);
            spares = self.spares.lock();
        }
        spares.bytes += bytes;
        // There is room.
        let _ = spares.list.push_within_capacity(spare);
    }

    /// A transfer for `length` bytes in so many isochronous packets: the last one that was put back
    /// and fits. Any context.
    pub(crate) fn take(&self, scatter: bool, length: usize, packets: usize) -> Option<Spare<Job>> {
        let mut spares = self.spares.lock();
        let index = spares
            .list
            .iter()
            .rposition(|spare| spare.suits(scatter, length, packets))?;
        spares.remove(index)
    }

    /// Frees all. Task context.
    pub(crate) fn clear(&self) {
        while let Some(spare) = self.pop() {
            drop(spare);
        }
    }

    fn pop(&self) -> Option<Spare<Job>> {
        let mut spares = self.spares.lock();
        let last = spares.list.len().checked_sub(1)?;
        spares.remove(last)
    }
}
