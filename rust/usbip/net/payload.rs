// SPDX-License-Identifier: GPL-2.0

//! The memory that goes to a socket, or is filled from one.

use core::marker::PhantomData;
use kernel::{
    bindings,
    prelude::*, //
};

/// A run of bytes in a page: a part of a scatter list.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct PageRun(bindings::bio_vec);

// SAFETY: It names memory and does nothing with it.
unsafe impl Send for PageRun {}

impl PageRun {
    /// Names `length` bytes at `offset` in `page`.
    pub(crate) fn new(page: *mut bindings::page, offset: u32, length: u32) -> Self {
        Self(bindings::bio_vec {
            bv_page: page,
            bv_len: length,
            bv_offset: offset,
        })
    }

    /// The page it begins in, if `offset()` is less than a page.
    pub(super) fn page(&self) -> *const bindings::page {
        self.0.bv_page
    }

    /// Where it begins, from the start of the page.
    pub(super) fn offset(&self) -> usize {
        self.0.bv_offset as usize
    }

    /// The bytes in it.
    pub(super) fn len(&self) -> usize {
        self.0.bv_len as usize
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

    /// The runs.
    pub(super) fn as_slice(&self) -> &[PageRun] {
        &self.runs
    }

    /// The runs. `PageRun` is a transparent `bio_vec`.
    pub(super) fn as_raw(&self) -> *const bindings::bio_vec {
        self.runs.as_ptr().cast()
    }

    /// The number of runs.
    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }

    /// The bytes in them.
    pub(super) fn len(&self) -> usize {
        self.length
    }
}

/// The memory that the payload of a PDU comes from or goes to.
pub enum Payload<'a> {
    /// One piece, perhaps empty.
    Linear(&'a mut [u8]),
    /// Pages.
    Pages(PageRuns<'a>),
}

/// A part of what is sent.
pub enum Piece<'a> {
    /// Bytes, perhaps none.
    Bytes(&'a [u8]),
    /// Pages, to be copied.
    Pages(PageRuns<'a>),
    /// Pages that are sent as they are. The network holds references on them until the peer has
    /// acknowledged their bytes; until then nobody writes to them.
    Shared(PageRuns<'a>),
}

impl Piece<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Pages(runs) | Self::Shared(runs) => runs.len(),
        }
    }
}

impl<'a> From<Payload<'a>> for Piece<'a> {
    fn from(payload: Payload<'a>) -> Self {
        match payload {
            Payload::Linear(bytes) => Self::Bytes(bytes),
            Payload::Pages(runs) => Self::Pages(runs),
        }
    }
}
