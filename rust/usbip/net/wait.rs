// SPDX-License-Identifier: GPL-2.0

//! Waiting for something to read.
//!
//! Who waits within `recvmsg()` is woken by all that happens to the socket. A Unix socket has room
//! again with each message that the peer reads: twice as many wake-ups as there are requests.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::{
    RecvError,
    Socket, //
};
use core::mem::MaybeUninit;
use kernel::{
    bindings,
    prelude::*, //
};

/// Data, the end of the stream, or an error.
const READABLE: u32 = bindings::POLLIN
    | bindings::POLLRDNORM
    | bindings::POLLRDHUP
    | bindings::POLLHUP
    | bindings::POLLERR;

unsafe extern "C" {
    // `rust/helpers.c`
    fn usbip_sock_is_unconnected(sk: *const bindings::sock) -> bool;
    fn usbip_sock_rcvtimeo(sk: *const bindings::sock) -> c_long;
    fn usbip_wait_queue_leave(entry: *mut bindings::wait_queue_entry);
}

impl Socket {
    /// Waits until there is a byte to receive, or an error or the end of the stream to be told of,
    /// for as long as the socket's receive timeout. A thread that is woken for another reason takes
    /// that for a byte.
    ///
    /// Task context, may sleep.
    pub(super) fn wait(&self) -> Result<(), RecvError> {
        let mut entry = MaybeUninit::uninit();
        let entry = entry.as_mut_ptr();
        // SAFETY: The socket is valid by the type invariants. The entry is ours, and stays where it is
        // until it is out of the socket's queue again, below.
        let queue = unsafe {
            let queue = &raw mut (*self.raw.as_ptr()).wq.wait;
            bindings::init_wait_entry(entry, 0);
            (*entry).func = Some(wake);
            // Whoever asks a socket may have to sleep for its lock: not in the state to wait in yet.
            bindings::prepare_to_wait(queue, entry, bindings::TASK_RUNNING as c_int);
            queue
        };
        // SAFETY: The entry has been queued.
        let is_in_time = self.is_readable() || unsafe { self.sleep(entry) } || self.is_readable();
        // SAFETY: It has been queued there.
        unsafe { bindings::finish_wait(queue, entry) };
        if is_in_time {
            Ok(())
        } else {
            Err(RecvError::TimedOut)
        }
    }

    /// Sleeps unless woken since `entry` was queued; returns whether that was before the receive
    /// timeout passed. Task context.
    ///
    /// # Safety
    ///
    /// `entry` is in a queue, and the caller's.
    unsafe fn sleep(&self, entry: *mut bindings::wait_queue_entry) -> bool {
        // SAFETY: The socket is valid by the type invariants; the caller promises the rest.
        unsafe {
            let timeout = usbip_sock_rcvtimeo(self.sk());
            bindings::wait_woken(entry, bindings::TASK_INTERRUPTIBLE, timeout) > 0
        }
    }

    /// Whether a `recvmsg()` would find something, if only an error. Task context.
    fn is_readable(&self) -> bool {
        // SAFETY: By the type invariants we hold a reference on the socket's file; without a table
        // `poll` only looks (`vfs_poll()`).
        let ready = unsafe {
            let file = (*self.raw.as_ptr()).file;
            (*(*file).f_op)
                .poll
                .map(|poll| poll(file, core::ptr::null_mut()))
        };
        // What cannot be asked has to be tried.
        ready.is_none_or(|ready| ready & READABLE != 0)
            // SAFETY: The socket is valid by the type invariants.
            || unsafe { usbip_sock_is_unconnected(self.sk()) }
    }
}

/// Wakes the thread that waits with `entry` if it may have something to read now.
///
/// # Safety
///
/// A queue of waiters calls this, locked, for an entry that `init_wait_entry()` has made.
unsafe extern "C" fn wake(
    entry: *mut bindings::wait_queue_entry,
    mode: c_uint,
    sync: c_int,
    key: *mut c_void,
) -> c_int {
    // Nobody says why at the end of a connection.
    if !key.is_null() && key.addr() as u32 & READABLE == 0 {
        return 0;
    }
    // SAFETY: The arguments are the queue's own. The entry is in the queue, and valid until it has
    // left: its thread, too, takes it out with the queue's lock only.
    unsafe {
        let woken = bindings::woken_wake_function(entry, mode, sync, key);
        if woken != 0 {
            // Nothing more to undo for the thread, which has a message to read.
            usbip_wait_queue_leave(entry);
        }
        woken
    }
}
