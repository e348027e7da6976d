// SPDX-License-Identifier: GPL-2.0

//! Connected stream sockets, handed over by user space.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

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

/// Bytes to send.
#[repr(transparent)]
pub struct SendPart<'a>(bindings::kvec, PhantomData<&'a [u8]>);

impl<'a> SendPart<'a> {
    /// Names `bytes` as a part of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(
            bindings::kvec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            },
            PhantomData,
        )
    }
}

/// A run of bytes in a page: a part of a scatter list.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PageRun(bindings::bio_vec);

impl PageRun {
    /// Names `length` bytes at `offset` in `page`.
    pub(crate) fn new(page: *mut bindings::page, offset: u32, length: u32) -> Self {
        Self(bindings::bio_vec {
            bv_page: page,
            bv_len: length,
            bv_offset: offset,
        })
    }
}

/// Page runs that may be read and written for as long as `'a`.
///
/// # Invariants
///
/// Each run lies within pages that stay allocated for `'a`, and for `'a` nobody else writes to
/// them.
pub struct PageRuns<'a> {
    runs: KVec<PageRun>,
    length: usize,
    _pages: PhantomData<&'a mut [u8]>,
}

impl PageRuns<'_> {
    /// Takes a list of runs that hold `length` bytes together.
    ///
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(crate) unsafe fn new(runs: KVec<PageRun>, length: usize) -> Self {
        // INVARIANT: The caller promises it.
        Self {
            runs,
            length,
            _pages: PhantomData,
        }
    }
}

/// The memory that the payload of a PDU comes from or goes to.
pub enum Payload<'a> {
    /// One piece, perhaps empty.
    Linear(&'a mut [u8]),
    /// Pages.
    Pages(PageRuns<'a>),
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

    /// Fills `buffer`, waiting for as long as it takes.
    ///
    /// Task context, may sleep.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<(), RecvError> {
        let mut message = bindings::msghdr::default();
        let part = bindings::kvec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        // SAFETY: `part` names `buffer`, and both outlive the use of `message` below.
        unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_DEST,
                &part,
                1,
                buffer.len(),
            )
        };
        self.recv_message(&mut message, buffer.len())
    }

    /// Fills `payload`, waiting for as long as it takes.
    ///
    /// Task context, may sleep.
    pub fn recv_payload(&self, payload: Payload<'_>) -> Result<(), RecvError> {
        match payload {
            Payload::Linear(bytes) => self.recv(bytes),
            Payload::Pages(runs) => {
                let mut message = bindings::msghdr::default();
                self.iterate_pages(&mut message, bindings::ITER_DEST, &runs);
                self.recv_message(&mut message, runs.length)
            }
        }
    }

    fn recv_message(&self, message: &mut bindings::msghdr, length: usize) -> Result<(), RecvError> {
        let mut received = 0;
        while received < length {
            // SAFETY: The socket is valid by the type invariants, and the callers have set up an
            // iterator with `length - received` bytes left.
            let count = unsafe {
                bindings::sock_recvmsg(self.raw.as_ptr(), message, bindings::MSG_WAITALL as c_int)
            };
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
        // SAFETY: By the type invariants the socket is valid, and it keeps its `sk`.
        unsafe { usbip_bindings::sock_set_sndtimeo((*self.raw.as_ptr()).sk, seconds) };
    }

    /// Sends all of `parts`.
    ///
    /// Task context, may sleep. Waits for the peer as long as `patient` says so each time it is
    /// asked; fails with `ETIMEDOUT` when it does not.
    pub fn send(&self, parts: &[SendPart<'_>], patient: impl Fn() -> bool) -> Result {
        self.send_parts(parts, false, &patient)
    }

    /// Sends a PDU: its header, its payload, and what follows the payload. Context and errors as
    /// for [`send`](Self::send).
    pub fn send_pdu(
        &self,
        header: &[u8],
        payload: Payload<'_>,
        trailer: &[u8],
        patient: impl Fn() -> bool,
    ) -> Result {
        let (header, trailer) = (SendPart::new(header), SendPart::new(trailer));
        match payload {
            Payload::Linear(bytes) => {
                self.send_parts(&[header, SendPart::new(bytes), trailer], false, &patient)
            }
            Payload::Pages(runs) => {
                let ends_here = trailer.0.iov_len == 0;
                self.send_parts(&[header], true, &patient)?;
                self.send_pages(&runs, !ends_here, &patient)?;
                self.send_parts(&[trailer], false, &patient)
            }
        }
    }

    /// `more` tells that the rest of the PDU follows in another call.
    fn send_parts(
        &self,
        parts: &[SendPart<'_>],
        more: bool,
        patient: &impl Fn() -> bool,
    ) -> Result {
        let length = parts.iter().map(|part| part.0.iov_len).sum();
        let mut message = bindings::msghdr::default();
        // SAFETY: `SendPart` is a transparent `kvec` whose bytes are borrowed for longer than
        // `message` is used.
        unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_SOURCE,
                parts.as_ptr().cast(),
                parts.len(),
                length,
            )
        };
        self.send_message(&mut message, length, more, patient)
    }

    fn send_pages(&self, runs: &PageRuns<'_>, more: bool, patient: &impl Fn() -> bool) -> Result {
        let mut message = bindings::msghdr::default();
        self.iterate_pages(&mut message, bindings::ITER_SOURCE, runs);
        self.send_message(&mut message, runs.length, more, patient)
    }

    fn iterate_pages(&self, message: &mut bindings::msghdr, direction: u32, runs: &PageRuns<'_>) {
        // SAFETY: `PageRun` is a transparent `bio_vec`; by the invariants of `PageRuns` the pages
        // are valid for longer than `message` is used.
        unsafe {
            bindings::iov_iter_bvec(
                &mut message.msg_iter,
                direction,
                runs.runs.as_ptr().cast(),
                runs.runs.len(),
                runs.length,
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
        message.msg_flags = bindings::MSG_NOSIGNAL;
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
                Err(_) if count == EAGAIN.to_errno() && patient() => {}
                Err(_) if count == EAGAIN.to_errno() => return Err(ETIMEDOUT),
                Err(_) => return Err(Error::from_errno(count)),
            }
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we hold a reference on the file (`sockfd_put()`).
        unsafe { bindings::fput((*self.raw.as_ptr()).file) };
    }
}
