// SPDX-License-Identifier: GPL-2.0

//! The USB/IP wire protocol: the kernel modules' own source, compiled for userspace.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[path = "../../../rust/usbip/protocol/mod.rs"]
pub mod protocol;

pub use protocol::*;
