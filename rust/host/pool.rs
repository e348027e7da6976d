// SPDX-License-Identifier: GPL-2.0

//! Answered transfers of a connection, whose URBs and buffers serve again.

use super::job::Job;
use kernel::{
    list::ListArc,
    new_spinlock_irq,
    prelude::*,
    sync::SpinLockIrq, //
};
use usbip::usb::{
    spare::Spare,
    transfer::Transfer, //
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

struct Spares {
    list: KVec<Spare<Job>>,
    bytes: usize,
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

    /// Keeps the memory of a transfer that has been answered, if there is room. Any context.
    pub(crate) fn put(&self, job: ListArc<Transfer<Job>>) {
        if !job.data().is_reusable() {
            return;
        }
        let Some(mut spare) = Spare::new(job) else {
            return;
        };
        spare.data_mut().discharge();
        let bytes = spare.bytes();
        let mut spares = self.spares.lock();
        if spares.bytes + bytes > MAX_BYTES {
            drop(spares);
            return;
        }
        let result = spares.list.push_within_capacity(spare);
        if result.is_ok() {
            spares.bytes += bytes;
        }
        // What found no room is freed without the lock.
        drop(spares);
        drop(result);
    }

    /// A transfer for `length` bytes in so many isochronous packets: the last one that was put back
    /// and fits. Any context.
    pub(crate) fn take(&self, scatter: bool, length: usize, packets: usize) -> Option<Spare<Job>> {
        let mut spares = self.spares.lock();
        let index = spares
            .list
            .iter()
            .rposition(|spare| spare.suits(scatter, length, packets))?;
        let last = spares.list.len() - 1;
        spares.list.swap(index, last);
        let spare = spares.list.pop()?;
        spares.bytes -= spare.bytes();
        Some(spare)
    }

    /// Frees all. Task context.
    pub(crate) fn clear(&self) {
        while let Some(spare) = self.pop() {
            drop(spare);
        }
    }

    fn pop(&self) -> Option<Spare<Job>> {
        let mut spares = self.spares.lock();
        spares.bytes = 0;
        spares.list.pop()
    }
}
