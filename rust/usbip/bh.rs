// SPDX-License-Identifier: GPL-2.0

//! Sections with bottom halves disabled.
//!
//! C header: [`include/linux/bottom_half.h`](srctree/include/linux/bottom_half.h)

use kernel::types::NotThreadSafe;

unsafe extern "C" {
    // `rust/helpers.c`
    fn usbip_local_bh_disable();
    fn usbip_local_bh_enable();
}

/// Keeps bottom halves off this CPU for as long as it exists. What they have been given to do
/// meanwhile is done when it is dropped, before the task goes on.
pub struct BhDisabled(NotThreadSafe);

impl BhDisabled {
    /// Disables bottom halves.
    ///
    /// Softirq or task context with interrupts enabled, no spinlock held.
    #[inline]
    pub fn new() -> Self {
        // SAFETY: Allowed in these contexts. The guard cannot leave its thread, and the thread
        // cannot migrate before `Drop` undoes this.
        unsafe { usbip_local_bh_disable() };
        Self(NotThreadSafe)
    }
}

impl Default for BhDisabled {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BhDisabled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Balances the call in `new()`.
        unsafe { usbip_local_bh_enable() };
    }
}
