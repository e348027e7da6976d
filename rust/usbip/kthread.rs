// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that are joined when their handle is dropped.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    static_lock_class,
    sync::{
        Arc,
        LockClassKey,
        Mutex, //
    }, //
};

/// What a thread does.
pub trait Body: Send + Unpin + 'static {
    /// The thread's name (`comm`), at most 15 characters are kept.
    const NAME: &'static CStr;

    /// Runs in the new thread, in task context, with allocations kept from starting I/O.
    ///
    /// Has to return soon after whatever it waits for has been told to end: dropping the
    /// [`KThread`] waits for it.
    fn run(self);
}

/// The place from which the thread takes its body.
///
/// A thread that is stopped before it first ran never calls its function (`kernel/kthread.c`), so
/// the body has to be reachable for the handle too.
#[pin_data]
struct Slot<B> {
    #[pin]
    body: Mutex<Option<B>>,
}

/// A kernel thread. Dropping it waits for the thread to end.
///
/// # Invariants
///
/// `task` is a kthread created by [`KThread::new`] on which we hold a reference, and it has not
/// been stopped. `_slot` is what it was given as its data.
pub struct KThread<B: Body> {
    task: NonNull<bindings::task_struct>,
    _slot: Arc<Slot<B>>,
}

// SAFETY: The functions called on `task` may be called from any thread; the body is `Send`.
unsafe impl<B: Body> Send for KThread<B> {}
// SAFETY: `&KThread` offers `wake()` only, which may be called from any thread.
unsafe impl<B: Body> Sync for KThread<B> {}

impl<B: Body> KThread<B> {
    /// Creates a thread that does not run before [`wake`](Self::wake) is called.
    ///
    /// Task context, may sleep. Fails with `ENOMEM`, or with `EINTR` when the caller is being
    /// killed.
    pub fn new(body: B) -> Result<Self> {
        let slot = Arc::pin_init(
            try_pin_init!(Slot {
                body <- body_lock(body),
            }),
            GFP_KERNEL,
        )?;

        // SAFETY: `entry` expects a `Slot<B>` that outlives the thread. The handle owns one and
        // does not drop it before the thread has ended. The format consumes one string.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(Self::entry),
                Arc::as_ptr(&slot).cast_mut().cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                B::NAME.as_char_ptr(),
            )
        })?;
        let task = NonNull::new(task).ok_or(ENOMEM)?;

        // SAFETY: The new thread cannot end before it is woken, so `task` is valid.
        unsafe { bindings::get_task_struct(task.as_ptr()) };

        // INVARIANT: Created above, the reference was taken, nobody has stopped it.
        Ok(Self { task, _slot: slot })
    }

    /// Lets the thread run. Any context; calling it again does no harm.
    pub fn wake(&self) {
        // SAFETY: By the type invariants we hold a reference on the task.
        unsafe { bindings::wake_up_process(self.task.as_ptr()) };
    }

    extern "C" fn entry(data: *mut c_void) -> c_int {
        // SAFETY: `new()` passed a `Slot<B>` that the handle keeps alive until we have returned.
        let slot = unsafe { &*data.cast::<Slot<B>>() };
        forbid_io_in_allocations();
        let body = slot.body.lock().take();
        if let Some(body) = body {
            body.run();
        }
        0
    }
}

impl<B: Body> Drop for KThread<B> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the task is a kthread that has not been stopped, and the
        // reference we hold is given up by this call.
        unsafe { bindings::kthread_stop_put(self.task.as_ptr()) };
    }
}

/// The lock of a thread's body.
fn body_lock<B>(body: B) -> impl PinInit<Mutex<Option<B>>> {
    let (name, key) = body_lock_class();
    Mutex::new(Some(body), name, key)
}

/// The class of all these locks. In a generic function each crate that uses it would bring a name
/// of its own for the same class.
#[inline(never)]
fn body_lock_class() -> (&'static CStr, Pin<&'static LockClassKey>) {
    (c"KThread::body", static_lock_class!())
}

/// Has the current thread let go on whoever wakes it (`SCHED_BATCH`): where no other processor is
/// idle, it runs when that program sleeps or has used up its slice. Task context, may sleep.
///
/// For a thread that a program of this machine wakes with each PDU it writes. The scheduler lets a
/// thread in at once that has used less of the processor than the program, which costs two switches
/// for each PDU; with this, all that the program writes until it waits is had for two.
pub(crate) fn wait_for_wakers() {
    let attr = usbip_bindings::sched_attr {
        sched_policy: bindings::SCHED_BATCH,
        ..Default::default()
    };
    // If this fails, there are more switches, and that is all.
    // SAFETY: We are the current task, and `attr` is valid for reads.
    let _ = unsafe {
        bindings::sched_setattr_nocheck(bindings::get_current(), (&raw const attr).cast())
    };
}

/// Keeps allocations of the current thread from starting I/O: the I/O might be for the very device
/// that the thread serves (`memalloc_noio_save()`).
fn forbid_io_in_allocations() {
    // SAFETY: Only the task itself writes to its `flags`, and we are that task.
    unsafe { (*bindings::get_current()).flags |= bindings::PF_MEMALLOC_NOIO };
}
