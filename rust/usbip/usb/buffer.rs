// SPDX-License-Identifier: GPL-2.0

//! Transfer buffers of the server.

use crate::net::{
    PageRun,
    PageRuns, //
};
use core::ptr::NonNull;
use kernel::{
    alloc::flags::*,
    bindings,
    prelude::*, //
};

/// The most bytes a single piece of memory can have everywhere (`KMALLOC_MAX_SIZE` with 4 KiB
/// pages).
pub const MAX_LINEAR: usize = 4 << 20;

/// The memory of one transfer. Always initialised: nothing but what a device or the client itself
/// has put there ever reaches the wire.
pub enum Buffer {
    /// One piece, empty for transfers without data.
    Linear(KVec<u8>),
    /// Pages, for host controllers that take scatter lists.
    Pages(ScatterList),
}

impl Buffer {
    /// One piece of `length` zeroed bytes. Task context, may sleep.
    ///
    /// Fails with `ENOMEM`, in particular above [`MAX_LINEAR`].
    pub fn linear(length: usize) -> Result<Self> {
        if length > MAX_LINEAR {
            return Err(ENOMEM);
        }
        let mut bytes = KVec::with_capacity(length, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN)?;
        // SAFETY: The capacity is at least `length` and all of it has been zeroed.
        unsafe { bytes.inc_len(length) };
        Ok(Self::Linear(bytes))
    }

    /// Zeroed pages for `length` bytes. Task context, may sleep.
    pub fn pages(length: usize) -> Result<Self> {
        ScatterList::new(length).map(Self::Pages)
    }

    /// Bytes in it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Linear(bytes) => bytes.len(),
            Self::Pages(list) => list.len(),
        }
    }
}

/// A list of pages.
///
/// # Invariants
///
/// `raw` came from `sgl_alloc()`, has `entries` entries and is not shared.
pub struct ScatterList {
    raw: NonNull<bindings::scatterlist>,
    entries: u32,
    length: usize,
}

// SAFETY: The memory may be freed from any thread.
unsafe impl Send for ScatterList {}
// SAFETY: `&ScatterList` gives nobody access to the memory by itself.
unsafe impl Sync for ScatterList {}

impl ScatterList {
    fn new(length: usize) -> Result<Self> {
        let mut entries = 0;
        // SAFETY: `entries` is valid for writes.
        let raw = unsafe {
            bindings::sgl_alloc(
                length as c_ulonglong,
                bindings::GFP_KERNEL | bindings::__GFP_ZERO | bindings::__GFP_NOWARN,
                &mut entries,
            )
        };
        // INVARIANT: Just allocated.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            entries,
            length,
        })
    }

    /// The list, for a URB.
    pub(super) fn as_raw(&self) -> *mut bindings::scatterlist {
        self.raw.as_ptr()
    }

    /// Bytes in it.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether nobody but us has references on the pages: what has been sent from them has arrived.
    pub(super) fn is_unshared(&self) -> bool {
        let mut entry = self.raw.as_ptr();
        while !entry.is_null() {
            // SAFETY: `entry` is an entry of our list, and its page is allocated.
            let count = unsafe {
                let count = &raw const (*page_of(entry))._refcount.counter;
                entry = bindings::sg_next(entry);
                count.read_volatile()
            };
            if count != 1 {
                return false;
            }
        }
        // What others did with the pages before they let go of them comes before what we do next.
        core::sync::atomic::fence(core::sync::atomic::Ordering::Acquire);
        true
    }

    /// The number of entries.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// The first `length` bytes. Task context, may sleep.
    ///
    /// # Safety
    ///
    /// For as long as `'a` the list exists and nobody else uses its memory.
    pub(super) unsafe fn runs<'a>(&self, length: usize) -> Result<PageRuns<'a>> {
        // SAFETY: The list is valid by the type invariants; the caller promises the rest.
        unsafe { page_runs(self.raw.as_ptr(), self.entries as usize, length) }
    }
}

impl Drop for ScatterList {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the list is ours and came from `sgl_alloc()`.
        unsafe { bindings::sgl_free(self.raw.as_ptr()) };
    }
}

/// The first `length` bytes of a scatter list of `entries`, or all of it if it is shorter.
///
/// # Safety
///
/// `entry` starts a terminated scatter list, and for as long as `'a` its pages stay allocated and
/// nobody else writes to them.
pub(super) unsafe fn page_runs<'a>(
    mut entry: *mut bindings::scatterlist,
    entries: usize,
    length: usize,
) -> Result<PageRuns<'a>> {
    let mut runs = KVec::with_capacity(entries, GFP_KERNEL)?;
    let mut left = length;
    while left > 0 && !entry.is_null() {
        // SAFETY: `entry` is an entry of the caller's list.
        let (page, offset, available) =
            unsafe { (page_of(entry), (*entry).offset, (*entry).length) };
        let take = left.min(available as usize);
        runs.push(PageRun::new(page, offset, take as u32), GFP_KERNEL)?;
        left -= take;
        // SAFETY: As above; returns null behind the last entry.
        entry = unsafe { bindings::sg_next(entry) };
    }
    // SAFETY: The caller promises that the pages are ours for `'a`.
    Ok(unsafe { PageRuns::new(runs, length - left) })
}

/// The page of an entry of a scatter list (`sg_page()`).
///
/// # Safety
///
/// `entry` is an entry of a scatter list.
unsafe fn page_of(entry: *const bindings::scatterlist) -> *mut bindings::page {
    const PAGE_LINK_FLAGS: c_ulong = 3;

    // SAFETY: The caller promises it.
    let link = unsafe { (*entry).page_link };
    (link & !PAGE_LINK_FLAGS) as *mut bindings::page
}
