// SPDX-License-Identifier: GPL-2.0

//! Work queues that belong to a module.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::Arc,
    workqueue::Queue, //
};

/// A work queue.
///
/// # Invariants
///
/// `raw` is a work queue that nobody else destroys.
struct RawQueue {
    raw: NonNull<bindings::workqueue_struct>,
}

// SAFETY: Work queues may be used and destroyed from any thread.
unsafe impl Send for RawQueue {}
// SAFETY: As above.
unsafe impl Sync for RawQueue {}

impl Drop for RawQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the queue is ours.
        unsafe { bindings::destroy_workqueue(self.raw.as_ptr()) };
    }
}

/// A work queue that runs every item in a worker of its own. Dropping it waits for the work in it.
///
/// Work of a module must not outlive the module, and the system's queues cannot be flushed from
/// Rust; so a module queues its work here. It drops the queue last, when nobody adds work any more.
pub struct OwnedQueue(Arc<RawQueue>);

impl OwnedQueue {
    /// Creates a queue. Task context, may sleep.
    pub fn new(name: &CStr) -> Result<Self> {
        // SAFETY: The format consumes one string.
        let raw = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND,
                0,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: Just created.
        let raw = RawQueue {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
        };
        Ok(Self(Arc::new(raw, GFP_KERNEL)?))
    }

    /// What those use who add work. The work itself may own one.
    pub fn handle(&self) -> QueueHandle {
        QueueHandle(self.0.clone())
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // A worker must not be the one who destroys the queue it runs on: after this all work is
        // done, and with it the handles it owned are gone.
        // SAFETY: The queue is valid by the type invariants.
        unsafe { bindings::__flush_workqueue(self.0.raw.as_ptr()) };
    }
}

/// Adds work to an [`OwnedQueue`].
#[derive(Clone)]
pub struct QueueHandle(Arc<RawQueue>);

impl Deref for QueueHandle {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the type invariants the queue is valid for as long as `self`.
        unsafe { Queue::from_raw(self.0.raw.as_ptr()) }
    }
}
