// SPDX-License-Identifier: GPL-2.0

//! Connected stream sockets, handed over by user space.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

pub use self::{
    inbox::Inbox,
    payload::{
        Payload,
        Piece, //
    },
    pieces::{
        Pieces,
        Room, //
    },
    tap::{
        Segment,
        Taker, //
    }, //
};

pub(crate) use self::payload::{
    PageRun,
    PageRuns, //
};

mod inbox;
mod parts;
mod payload;
mod pieces;
mod tap;
mod wait;

use self::parts::Parts;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// The most bytes that a socket is asked to wait for in one go. Some (vsock) refuse to wait for as
/// much as their receive buffer holds.
const MAX_WAIT_ALL: usize = 65536;

/// Why nothing more can be received.
#[derive(Debug)]
pub enum RecvError {
    /// The peer closed the connection, or it was shut down here.
    Closed,
    /// The socket's receive timeout passed and not a byte was there.
    TimedOut,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for RecvError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A socket that user space has handed over by file descriptor.
///
/// # Invariants
///
/// `raw` is the socket of a file on which we hold a reference.
pub struct Socket {
    raw: NonNull<bindings::socket>,
}

// SAFETY: Sockets may be used and released from any thread.
unsafe impl Send for Socket {}
// SAFETY: The socket layer does its own locking.
unsafe impl Sync for Socket {}

impl Socket {
    /// Looks up `fd` in the file table of the current process.
    ///
    /// Task context. Fails with `EBADF` or `ENOTSOCK`.
    pub fn from_fd(fd: i32) -> Result<Self> {
        let mut error = 0;
        // SAFETY: `error` is valid for writes.
        let raw = unsafe { bindings::sockfd_lookup(fd, &mut error) };
        match NonNull::new(raw) {
            // INVARIANT: `sockfd_lookup()` took a reference on the file of the socket.
            Some(raw) => Ok(Self { raw }),
            None => Err(to_result(error).err().unwrap_or(EBADF)),
        }
    }

    /// The socket's type, `SOCK_STREAM` and the like, as a number.
    pub fn kind(&self) -> i32 {
        // SAFETY: By the type invariants the socket is valid; its type never changes.
        i32::from(unsafe { (*self.raw.as_ptr()).type_ })
    }

    /// Whether this is a byte stream.
    pub fn is_stream(&self) -> bool {
        u32::try_from(self.kind()) == Ok(bindings::sock_type_SOCK_STREAM)
    }

    /// Whether the peer is a program of this machine (`unix(7)`).
    fn is_unix(&self) -> bool {
        // SAFETY: By the type invariants the socket is valid. It may be given other functions meanwhile
        // (`IPV6_ADDRFORM`); those it has had stay where they are.
        let family = unsafe { (*(&raw const (*self.raw.as_ptr()).ops).read_volatile()).family };
        u32::try_from(family) == Ok(bindings::AF_UNIX)
    }

    fn sk(&self) -> *mut bindings::sock {
        // SAFETY: By the type invariants the socket is valid, and it keeps its `sk`.
        unsafe { (*self.raw.as_ptr()).sk }
    }

    /// Ends the connection in both directions and wakes everybody who waits for it.
    ///
    /// Task context, may sleep.
    pub fn shutdown(&self) {
        // The result only tells that the peer was quicker.
        // SAFETY: By the type invariants the socket is valid.
        let _ = unsafe {
            bindings::kernel_sock_shutdown(self.raw.as_ptr(), bindings::sock_shutdown_cmd_SHUT_RDWR)
        };
    }

    /// Fills `buffer`, then `behind`, waiting for as long as it takes.
    ///
    /// Task context, may sleep.
    fn recv(&self, buffer: &mut [u8], behind: &mut [u8]) -> Result<(), RecvError> {
        let mut message = bindings::msghdr::default();
        let parts = [kvec_of(buffer), kvec_of(behind)];
        let length = buffer.len() + behind.len();
        // SAFETY: `parts` names the buffers, and all outlive the use of `message` below.
        unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_DEST,
                parts.as_ptr(),
                parts.len(),
                length,
            )
        };
        self.recv_message(&mut message, length)
    }

    /// Receives what is there, at least one byte and at most as much as `buffer` holds; waits for
    /// that byte as long as it takes.
    ///
    /// Task context, may sleep.
    fn recv_some(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.wait()?;
        let mut message = bindings::msghdr::default();
        let part = kvec_of(buffer);
        // SAFETY: As in `recv()`; the socket is valid by the type invariants.
        let count = unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_DEST,
                &part,
                1,
                buffer.len(),
            );
            bindings::sock_recvmsg(self.raw.as_ptr(), &mut message, 0)
        };
        match usize::try_from(count) {
            Ok(0) => Err(RecvError::Closed),
            Ok(count) => Ok(count),
            Err(_) if count == EAGAIN.to_errno() => Err(RecvError::TimedOut),
            Err(_) => Err(RecvError::Failed(Error::from_errno(count))),
        }
    }

    /// Fills `runs`: with `first`, then with what is received. Waits for as long as it takes.
    ///
    /// Task context, may sleep.
    fn recv_pages(&self, first: &[u8], runs: &PageRuns<'_>) -> Result<(), RecvError> {
        let mut message = bindings::msghdr::default();
        self.iterate_pages(&mut message, bindings::ITER_DEST, runs);
        // SAFETY: `first` is valid for reads, and the iterator goes over pages that are valid.
        let copied = unsafe {
            bindings::_copy_to_iter(first.as_ptr().cast(), first.len(), &mut message.msg_iter)
        };
        self.recv_message(&mut message, runs.len().saturating_sub(copied))
    }

    fn recv_message(&self, message: &mut bindings::msghdr, length: usize) -> Result<(), RecvError> {
        let mut received = 0;
        while received < length {
            let flags = if length - received > MAX_WAIT_ALL {
                0
            } else {
                bindings::MSG_WAITALL
            };
            // SAFETY: The socket is valid by the type invariants, and the callers have set up an
            // iterator with `length - received` bytes left.
            let count =
                unsafe { bindings::sock_recvmsg(self.raw.as_ptr(), message, flags as c_int) };
            match usize::try_from(count) {
                Ok(0) => return Err(RecvError::Closed),
                Ok(count) => received += count,
                Err(_) if count == EAGAIN.to_errno() && received == 0 => {
                    return Err(RecvError::TimedOut)
                }
                Err(_) => return Err(RecvError::Failed(Error::from_errno(count))),
            }
        }
        Ok(())
    }

    /// Has a send that the peer does not let go on ask from time to time whether to go on waiting.
    pub fn ask_every(&self, seconds: i64) {
        // SAFETY: The socket is valid.
        unsafe { usbip_bindings::sock_set_sndtimeo(self.sk(), seconds) };
    }

    /// Sends all of `pieces`, in as few messages as their kinds of memory allow.
    ///
    /// Task context, may sleep. Waits for the peer as long as `patient` says so each time it is
    /// asked; fails with `ETIMEDOUT` when it does not.
    pub fn send(&self, pieces: &[Piece<'_>], patient: impl Fn() -> bool) -> Result {
        let mut rest = pieces;
        while let Some(first) = rest.first() {
            let mut parts = Parts::new();
            let count = rest.iter().take_while(|piece| parts.add(piece)).count();
            let (_, later) = rest.split_at(count.max(1));
            let more = later.iter().any(|piece| piece.len() > 0);
            match first {
                Piece::Shared(runs) => {
                    self.send_pages(runs, bindings::MSG_SPLICE_PAGES, more, &patient)?
                }
                Piece::Pages(runs) if count == 0 => self.send_pages(runs, 0, more, &patient)?,
                Piece::Bytes(_) | Piece::Pages(_) => self.send_parts(&parts, more, &patient)?,
            }
            rest = later;
        }
        Ok(())
    }

    /// `more` tells that the rest follows in another call.
    fn send_parts(&self, parts: &Parts<'_>, more: bool, patient: &impl Fn() -> bool) -> Result {
        let mut message = bindings::msghdr::default();
        // SAFETY: By the invariants of `Parts` so many parts name memory that is borrowed for longer
        // than `message` is used.
        unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_SOURCE,
                parts.as_raw(),
                parts.count(),
                parts.len(),
            )
        };
        self.send_message(&mut message, parts.len(), more, patient)
    }

    fn send_pages(
        &self,
        runs: &PageRuns<'_>,
        flags: u32,
        more: bool,
        patient: &impl Fn() -> bool,
    ) -> Result {
        let mut message = bindings::msghdr {
            msg_flags: flags,
            ..Default::default()
        };
        self.iterate_pages(&mut message, bindings::ITER_SOURCE, runs);
        self.send_message(&mut message, runs.len(), more, patient)
    }

    fn iterate_pages(&self, message: &mut bindings::msghdr, direction: u32, runs: &PageRuns<'_>) {
        // SAFETY: `PageRun` is a transparent `bio_vec`; by the invariants of `PageRuns` the pages
        // are valid for longer than `message` is used.
        unsafe {
            bindings::iov_iter_bvec(
                &mut message.msg_iter,
                direction,
                runs.as_raw(),
                runs.count(),
                runs.len(),
            )
        };
    }

    fn send_message(
        &self,
        message: &mut bindings::msghdr,
        length: usize,
        more: bool,
        patient: &impl Fn() -> bool,
    ) -> Result {
        message.msg_flags |= bindings::MSG_NOSIGNAL;
        if more {
            message.msg_flags |= bindings::MSG_MORE;
        }
        let mut sent = 0;
        while sent < length {
            // SAFETY: The socket is valid by the type invariants, and the callers have set up an
            // iterator with `length - sent` bytes left.
            let count = unsafe { bindings::sock_sendmsg(self.raw.as_ptr(), message) };
            match usize::try_from(count) {
                Ok(count) => sent += count,
                Err(_) if count == EAGAIN.to_errno() => {}
                Err(_) => return Err(Error::from_errno(count)),
            }
            // A peer that lets a little through each time has it return early as well.
            if sent < length && !patient() {
                return Err(ETIMEDOUT);
            }
        }
        Ok(())
    }
}

fn kvec_of(buffer: &mut [u8]) -> bindings::kvec {
    bindings::kvec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we hold a reference on the file (`sockfd_put()`).
        unsafe { bindings::fput((*self.raw.as_ptr()).file) };
    }
}
