// SPDX-License-Identifier: GPL-2.0

//! What has been received and not been used yet.

use super::{
    tap::{
        Taker,
        Tap, //
    },
    Payload,
    RecvError,
    Socket, //
};
use crate::{
    compat::EPROTO,
    kthread::wait_for_wakers,
    protocol::HEADER_LEN, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Bytes that are received at once.
const CAPACITY: usize = 8192;

/// Payloads over this size, in bytes, are received straight into the memory they are for. Where one
/// of those is likely, only its header is received before.
const MAX_COPIED: usize = 2048;

/// The receiving end of a connection: headers and small payloads come in blocks, large payloads
/// without a detour. While nothing is there, what arrives is offered to `T` first. Task context, may
/// sleep.
pub struct Inbox<T: Taker> {
    socket: Arc<Socket>,
    tap: Option<Tap<T>>,
    bytes: KVec<u8>,
    /// What lies between these two has been received and not been used.
    start: usize,
    end: usize,
    /// The size of the payload that was received last, if it followed the last header.
    last_payload: usize,
    /// Whether the next PDU is likely to be one that the taker leaves to us: the last one was.
    keeps_next: bool,
    /// Whether the PDU before the next one had a large payload.
    is_behind_large: bool,
    /// Whether what followed a large payload had one, too, the last time.
    larges_follow: bool,
    /// Whether no more is received along with the next header: a large payload is likely behind it.
    stops_behind_header: bool,
}

impl<T: Taker> Inbox<T> {
    /// An empty one. Nobody else receives from the socket.
    pub fn new(socket: Arc<Socket>) -> Result<Self> {
        Ok(Self {
            socket,
            tap: None,
            bytes: KVec::from_elem(0, CAPACITY, GFP_KERNEL)?,
            start: 0,
            end: 0,
            last_payload: 0,
            keeps_next: false,
            is_behind_large: false,
            larges_follow: false,
            stops_behind_header: false,
        })
    }

    /// Makes the current thread the one that receives. What arrives is offered to `taker` from now
    /// on, if the socket lets us.
    pub fn start(&mut self, taker: Arc<T>) {
        if self.socket.is_unix() {
            wait_for_wakers();
        }
        // Without the memory everything comes through here.
        self.tap = Tap::new(self.socket.clone(), taker).ok().flatten();
    }

    /// The next header. Times out only if not a byte of it is there.
    pub fn header(&mut self) -> Result<&[u8; HEADER_LEN], RecvError> {
        let is_large = core::mem::take(&mut self.last_payload) > MAX_COPIED;
        if self.is_behind_large {
            self.larges_follow = is_large;
        }
        self.is_behind_large = is_large;
        self.stops_behind_header = is_large;
        // A large payload is not for the taker.
        let is_ours = core::mem::take(&mut self.keeps_next) || (is_large && self.larges_follow);
        if !is_ours && self.start == self.end {
            self.wait_for_ours()?;
        }
        self.want(HEADER_LEN, HEADER_LEN)?;
        self.stops_behind_header = false;
        self.array(HEADER_LEN)
    }

    /// This PDU is of a kind that the taker does not take, and so may be the next.
    pub(crate) fn keep_next(&mut self) {
        self.keeps_next = true;
    }

    /// Waits until something is there that the taker leaves to us.
    fn wait_for_ours(&mut self) -> Result<(), RecvError> {
        let Some(tap) = &self.tap else {
            return Ok(());
        };
        let first = tap.taken();
        // What the taker leaves to us is large, or rare.
        self.stops_behind_header = true;
        loop {
            let before = tap.taken();
            let result = if tap.lend() {
                let result = self.socket.wait();
                tap.take_back();
                result
            } else {
                Ok(())
            };
            if tap.taken() != first {
                self.is_behind_large = false;
            }
            match result {
                Err(RecvError::TimedOut) if tap.taken() != before => {}
                result => return result,
            }
        }
    }

    /// The next `N` bytes. At least `expected` bytes are to come, which are `N` or more.
    pub(crate) fn array<const N: usize>(&mut self, expected: usize) -> Result<&[u8; N], RecvError> {
        self.want(N, expected)?;
        let buffered = self.bytes.get(self.start..self.end);
        let bytes = buffered.and_then(<[u8]>::first_chunk).ok_or(EPROTO)?;
        self.start += N;
        Ok(bytes)
    }

    /// Has `count` bytes in the buffer. At least `expected` bytes are to come, which are as many or
    /// more.
    fn want(&mut self, count: usize, expected: usize) -> Result<(), RecvError> {
        if self.end - self.start < count {
            self.refill(expected.min(CAPACITY))?;
        }
        Ok(())
    }

    /// Fills `buffer`; at least `behind` bytes follow.
    fn fill(&mut self, buffer: &mut [u8], behind: usize) -> Result<(), RecvError> {
        let rest = self.take(buffer);
        if rest.is_empty() {
            return Ok(());
        }
        if rest.len() <= MAX_COPIED {
            self.refill(rest.len())?;
            self.take(rest);
            return Ok(());
        }
        let behind = behind.min(CAPACITY);
        let (room, _) = self.bytes.split_at_mut(behind);
        self.socket.recv(rest, room)?;
        self.start = 0;
        self.end = behind;
        Ok(())
    }

    /// Fills the memory of a payload, which is followed by at least `behind` bytes of the same PDU.
    pub fn payload(&mut self, payload: Payload<'_>, behind: usize) -> Result<(), RecvError> {
        match payload {
            Payload::Linear(bytes) => {
                self.last_payload += bytes.len();
                self.fill(bytes, behind)
            }
            Payload::Pages(runs) => {
                self.last_payload += runs.len();
                let count = runs.len().min(self.end - self.start);
                let first = self.start..self.start + count;
                self.start += count;
                let first = self.bytes.get(first).unwrap_or_default();
                self.socket.recv_pages(first, &runs)
            }
        }
    }

    /// Receives and forgets `count` bytes.
    pub fn skip(&mut self, mut count: u64) -> Result<(), RecvError> {
        while count > 0 {
            if self.start == self.end {
                self.refill(1)?;
            }
            let step = count.min((self.end - self.start) as u64);
            self.start += step as usize;
            count -= step;
        }
        Ok(())
    }

    fn buffered(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Copies what is there to the front of `buffer`; returns what is still to be filled.
    fn take<'a>(&mut self, buffer: &'a mut [u8]) -> &'a mut [u8] {
        let count = buffer.len().min(self.end - self.start);
        let (now, later) = buffer.split_at_mut(count);
        if let Some(bytes) = self.buffered().get(..count) {
            now.copy_from_slice(bytes);
        }
        self.start += count;
        later
    }

    /// Receives until `wanted` bytes are there, at most [`CAPACITY`].
    fn refill(&mut self, wanted: usize) -> Result<(), RecvError> {
        if self.start < self.end {
            self.bytes.copy_within(self.start..self.end, 0);
        }
        self.end -= self.start;
        self.start = 0;
        let limit = if self.stops_behind_header || self.last_payload > MAX_COPIED {
            wanted
        } else {
            CAPACITY
        };
        while self.end < wanted {
            let room = self.bytes.get_mut(self.end..limit).unwrap_or_default();
            match self.socket.recv_some(room) {
                Ok(count) => self.end += count,
                Err(RecvError::TimedOut) if self.end > 0 => return Err(EAGAIN.into()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
