// SPDX-License-Identifier: GPL-2.0

//! What some trees' kernel crate lacks.
//!
//! Everything here is the kernel crate's own where it has it: `Kbuild` looks into the tree and
//! passes `kernel_has_*`. What takes its place elsewhere fits any tree, so one without the sources
//! of the crate is served too. A part goes away with the last tree that lacks it.

#[cfg(not(kernel_has_errno))]
mod errno;
#[cfg(not(kernel_has_spinlock_irq))]
mod spinlock;

#[cfg(not(kernel_has_errno))]
pub use errno::*;
#[cfg(kernel_has_errno)]
pub use kernel::error::code::{
    ECONNRESET,
    EIDRM,
    EPROTO,
    ESHUTDOWN, //
};

#[cfg(kernel_has_spinlock_irq)]
pub use kernel::{
    new_spinlock_irq,
    sync::{
        SpinLockIrq,
        SpinLockIrqGuard, //
    }, //
};
#[cfg(not(kernel_has_spinlock_irq))]
pub use spinlock::{
    new_spinlock_irq,
    SpinLockIrq,
    SpinLockIrqGuard, //
};

#[cfg(kernel_has_synchronize_rcu)]
pub use kernel::sync::rcu::synchronize_rcu;

/// Waits for one RCU grace period. Task context, may sleep.
#[cfg(not(kernel_has_synchronize_rcu))]
pub fn synchronize_rcu() {
    // SAFETY: Allowed in any context that may sleep.
    unsafe { kernel::bindings::synchronize_rcu() };
}

/// The value of a module parameter, which some kernel crates give as a reference.
pub fn parameter(value: impl core::borrow::Borrow<u32>) -> u32 {
    *value.borrow()
}
