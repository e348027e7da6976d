// SPDX-License-Identifier: GPL-2.0

//! Taking PDUs from a TCP socket in the moment they arrive, without waking a thread for them.
//!
//! A tap is lent to the driver or is not. While it is, what arrives is offered to the driver where
//! TCP announces it: in softirq, or in the task that holds the socket. While it is not, the receiving
//! thread reads. Both happen, and change, with the socket locked: every byte of the stream belongs
//! to one of the two, in the order in which it came.
//!
//! C header: [`include/net/tcp.h`](srctree/include/net/tcp.h)

use super::Socket;
use crate::protocol::HEADER_LEN;
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

/// A driver that deals with PDUs as they arrive.
pub trait Taker: Send + Sync + 'static {
    /// Takes the PDU that `segment` starts with, if all of it is there and nothing about it has to
    /// wait; returns its length. Otherwise nothing has happened, and the receiving thread reads on
    /// from here.
    ///
    /// Softirq or task context, with the socket locked: neither sleeps nor uses the socket.
    fn take(this: &Arc<Self>, segment: &Segment<'_>) -> Option<usize>;
}

/// Bytes that have arrived and lie in one buffer of the socket's queue.
///
/// # Invariants
///
/// For as long as `'a`, `skb` is valid and holds `length` bytes from `offset` on.
pub struct Segment<'a> {
    skb: NonNull<bindings::sk_buff>,
    offset: c_int,
    length: usize,
    _queue: PhantomData<&'a bindings::sk_buff>,
}

impl Segment<'_> {
    /// The header that it starts with.
    pub fn header(&self) -> Option<[u8; HEADER_LEN]> {
        let mut header = [0; HEADER_LEN];
        self.copy(0, &mut header).then_some(header)
    }

    /// Whether there are so many bytes.
    pub fn holds(&self, length: usize) -> bool {
        length <= self.length
    }

    /// Fills `buffer` with what lies behind the first `skipped` bytes; returns whether that is
    /// enough.
    pub fn copy(&self, skipped: usize, buffer: &mut [u8]) -> bool {
        let end = skipped.checked_add(buffer.len());
        if !end.is_some_and(|end| self.holds(end)) {
            return false;
        }
        // SAFETY: By the type invariants these bytes are there; the numbers are below `length`,
        // which TCP keeps below 2^31.
        let result = unsafe {
            bindings::skb_copy_bits(
                self.skb.as_ptr(),
                self.offset + skipped as c_int,
                buffer.as_mut_ptr().cast(),
                buffer.len() as c_int,
            )
        };
        result == 0
    }
}

type DataReady = unsafe extern "C" fn(*mut bindings::sock);

/// What the socket leads to.
struct State<T: Taker> {
    taker: Arc<T>,
    /// Changed with the socket locked.
    is_lent: Atomic<bool>,
    /// PDUs that the taker has taken.
    taken: Atomic<u32>,
    /// What the socket did before. Written before the socket leads here.
    data_ready: UnsafeCell<Option<DataReady>>,
}

/// The tap of a socket. Dropping it leaves the socket as it was.
///
/// # Invariants
///
/// The socket leads to `state`, which has stayed where it is.
pub(super) struct Tap<T: Taker> {
    socket: Arc<Socket>,
    state: KBox<State<T>>,
}

// SAFETY: `data_ready` does not change once the tap exists; everything else is `Send`.
unsafe impl<T: Taker> Send for Tap<T> {}

unsafe extern "C" {
    // `rust/helpers.c`
    fn usbip_sock_tap(
        sk: *mut bindings::sock,
        data_ready: DataReady,
        data: *mut c_void,
        old: *mut Option<DataReady>,
    ) -> bool;
    fn usbip_sock_untap(sk: *mut bindings::sock, old: Option<DataReady>);
    fn usbip_sock_data(sk: *mut bindings::sock) -> *mut c_void;
}

impl<T: Taker> Tap<T> {
    /// Taps a socket, not lent yet. `None` if it is not plain TCP, or somebody else's already.
    ///
    /// Task context, may sleep. Fails with `ENOMEM`.
    pub(super) fn new(socket: Arc<Socket>, taker: Arc<T>) -> Result<Option<Self>> {
        let state = State {
            taker,
            is_lent: Atomic::new(false),
            taken: Atomic::new(0),
            data_ready: UnsafeCell::new(None),
        };
        let state = KBox::new(state, GFP_KERNEL)?;
        // SAFETY: The socket is valid; the state is freed only after the socket has been told.
        let is_tapped = unsafe {
            let data = core::ptr::from_ref(&*state).cast_mut().cast();
            usbip_sock_tap(socket.sk(), Self::data_ready, data, state.data_ready.get())
        };
        if !is_tapped {
            return Ok(None);
        }
        // INVARIANT: The socket has just been told, and a box does not move what is in it.
        Ok(Some(Self { socket, state }))
    }

    /// Offers what is there and what is to come to the taker; returns whether nothing of it is for
    /// the caller. Task context, may sleep.
    pub(super) fn lend(&self) -> bool {
        self.locked(|| {
            self.state.is_lent.store(true, Relaxed);
            // SAFETY: The socket is valid and locked.
            unsafe { self.state.offer(self.socket.sk()) };
            self.state.is_lent.load(Relaxed)
        })
    }

    /// Takes nothing more for now. Task context, may sleep.
    pub(super) fn take_back(&self) {
        self.locked(|| self.state.is_lent.store(false, Relaxed));
    }

    /// How many PDUs have been taken, modulo 2^32.
    pub(super) fn taken(&self) -> u32 {
        self.state.taken.load(Relaxed)
    }

    fn locked<R>(&self, work: impl FnOnce() -> R) -> R {
        // SAFETY: The socket is valid, and nothing that `work` does locks it.
        unsafe { usbip_bindings::lock_sock_nested(self.socket.sk(), 0) };
        let result = work();
        // SAFETY: Locked above.
        unsafe { usbip_bindings::release_sock(self.socket.sk()) };
        result
    }

    /// TCP has something to read. Softirq or task context.
    ///
    /// # Safety
    ///
    /// The socket calls this, and is locked.
    unsafe extern "C" fn data_ready(sk: *mut bindings::sock) {
        // SAFETY: The socket calls this between `new()` and `drop()` only, which have it lead to
        // the state, and lock it to change that.
        let (state, old) = unsafe {
            let state = &*usbip_sock_data(sk).cast::<State<T>>();
            (state, *state.data_ready.get())
        };
        // SAFETY: The socket is valid and locked.
        if state.is_lent.load(Relaxed) && unsafe { state.offer(sk) } {
            return;
        }
        if let Some(old) = old {
            // SAFETY: It is what the socket would have called without us.
            unsafe { old(sk) };
        }
    }
}

impl<T: Taker> State<T> {
    /// Has the taker take what is there. Returns whether there was something and all of it has been
    /// taken; takes the tap back if something is left.
    ///
    /// # Safety
    ///
    /// `sk` is the tapped socket, and locked.
    unsafe fn offer(&self, sk: *mut bindings::sock) -> bool {
        let mut descriptor = bindings::read_descriptor_t {
            count: 1,
            ..Default::default()
        };
        descriptor.arg.data = core::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: The socket is TCP's and locked; `actor()` gets the descriptor it expects.
        let count =
            unsafe { usbip_bindings::tcp_read_sock(sk, &mut descriptor, Some(Self::actor)) };
        count > 0 && self.is_lent.load(Relaxed)
    }

    /// TCP shows what it has.
    ///
    /// # Safety
    ///
    /// `offer()` has made the descriptor, and `skb` holds `length` bytes from `offset` on.
    unsafe extern "C" fn actor(
        descriptor: *mut bindings::read_descriptor_t,
        skb: *mut bindings::sk_buff,
        offset: c_uint,
        length: usize,
    ) -> c_int {
        // SAFETY: `offer()` has put the state there.
        let state = unsafe { &*(*descriptor).arg.data.cast::<Self>() };
        let taken = NonNull::new(skb).and_then(|skb| {
            // INVARIANT: TCP says so, and leaves the buffer alone for as long as we are here.
            let segment = Segment {
                skb,
                offset: offset as c_int,
                length,
                _queue: PhantomData,
            };
            T::take(&state.taker, &segment)
        });
        match taken {
            Some(count) => {
                let sum = state.taken.load(Relaxed).wrapping_add(1);
                state.taken.store(sum, Relaxed);
                count as c_int
            }
            None => {
                state.is_lent.store(false, Relaxed);
                0
            }
        }
    }
}

impl<T: Taker> Drop for Tap<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the socket leads to our state.
        unsafe { usbip_sock_untap(self.socket.sk(), *self.state.data_ready.get()) };
    }
}
