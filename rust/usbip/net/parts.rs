// SPDX-License-Identifier: GPL-2.0

//! The memory that one message is copied from.

use super::Piece;
use core::{
    ffi::c_void,
    marker::PhantomData,
    mem::MaybeUninit, //
};
use kernel::bindings;

/// The most parts of one message.
const MAX_PARTS: usize = 64;

unsafe extern "C" {
    // `rust/helpers.c`
    fn usbip_page_address(page: *const c_void) -> *mut c_void;
}

/// A list of memory that is there for as long as `'a`.
///
/// # Invariants
///
/// The first `count` parts have been written; they name memory that is borrowed for `'a`, and hold
/// `length` bytes together.
pub(super) struct Parts<'a> {
    list: [MaybeUninit<bindings::kvec>; MAX_PARTS],
    count: usize,
    length: usize,
    _memory: PhantomData<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// An empty list.
    pub(super) const fn new() -> Self {
        Self {
            list: [const { MaybeUninit::uninit() }; MAX_PARTS],
            count: 0,
            length: 0,
            _memory: PhantomData,
        }
    }

    /// Adds all of a piece; returns whether there is room for it, it is to be copied, and the kernel
    /// has an address for it.
    pub(super) fn add(&mut self, piece: &'a Piece<'a>) -> bool {
        match piece {
            Piece::Bytes(bytes) => self.push(bytes.as_ptr().cast_mut().cast(), bytes.len()),
            Piece::Pages(runs) => {
                let before = (self.count, self.length);
                let fits = runs.as_slice().iter().all(|run| {
                    // SAFETY: The page is allocated, by the invariants of `PageRuns`.
                    let page = unsafe { usbip_page_address(run.page().cast()) };
                    !page.is_null() && self.push(page.wrapping_byte_add(run.offset()), run.len())
                });
                if !fits {
                    (self.count, self.length) = before;
                }
                fits
            }
            Piece::Shared(_) => false,
        }
    }

    /// `base` is the address of `length` bytes that are borrowed for `'a`.
    fn push(&mut self, base: *mut c_void, length: usize) -> bool {
        let Some(part) = self.list.get_mut(self.count) else {
            return false;
        };
        // INVARIANT: This is one more, and written.
        part.write(bindings::kvec {
            iov_base: base,
            iov_len: length,
        });
        self.count += 1;
        self.length += length;
        true
    }

    /// The parts.
    pub(super) fn as_raw(&self) -> *const bindings::kvec {
        self.list.as_ptr().cast()
    }

    /// The number of parts.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes in them.
    pub(super) fn len(&self) -> usize {
        self.length
    }
}
