// SPDX-License-Identifier: GPL-2.0

//! `transfer_flags` of a CMD_SUBMIT.
//!
//! The numbers are those of `include/uapi/linux/usbip.h`. They happen to equal the kernel's own
//! `URB_*` today; code maps them by name all the same.

/// A short IN transfer is an error.
pub const SHORT_NOT_OK: u32 = 0x0001;
/// An isochronous transfer starts as soon as possible.
pub const ISO_ASAP: u32 = 0x0002;
/// The client's buffer is mapped already. Means nothing to the server.
pub const NO_TRANSFER_DMA_MAP: u32 = 0x0004;
/// A bulk OUT transfer of whole packets ends with an empty one.
pub const ZERO_PACKET: u32 = 0x0040;
/// No interrupt is wanted on completion.
pub const NO_INTERRUPT: u32 = 0x0080;
/// The client's buffer is freed with its URB. Means nothing to the server.
pub const FREE_BUFFER: u32 = 0x0100;
/// The transfer goes from the device to the client.
pub const DIR_IN: u32 = 0x0200;
/// The client's URB has a scatter list: a hint to use one on the server.
pub const DMA_MAP_SG: u32 = 0x0004_0000;
