// SPDX-License-Identifier: GPL-2.0

//! The two instructions between which the plugin (`../plugin/count.c`) counts. They do nothing:
//! each is a `nop` with a number for an operand. Without the plugin they still do nothing.

#![allow(unsafe_code)]

use std::arch::asm;

/// Counting begins, at zero.
pub fn start() {
    // SAFETY: A nop touches neither memory nor registers.
    unsafe { asm!("nop dword ptr [rax + rax + 0x55b10001]", options(nostack)) };
}

/// Counting ends.
pub fn end() {
    // SAFETY: As above.
    unsafe { asm!("nop dword ptr [rax + rax + 0x55b10002]", options(nostack)) };
}
