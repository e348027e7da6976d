// SPDX-License-Identifier: GPL-2.0

//! Error codes that are not in [`kernel::error::code`].

use kernel::{
    bindings,
    error::Error, //
};

/// Connection reset by peer.
pub const ECONNRESET: Error = code(bindings::ECONNRESET);
/// Identifier removed.
pub const EIDRM: Error = code(bindings::EIDRM);
/// Protocol error.
pub const EPROTO: Error = code(bindings::EPROTO);
/// Cannot send after transport endpoint shutdown.
pub const ESHUTDOWN: Error = code(bindings::ESHUTDOWN);

/// An error that the kernel crate has no constant for. One of the codes above.
const fn code(errno: u32) -> Error {
    // SAFETY: An `Error` is its code and nothing else, and these are valid ones.
    unsafe { core::mem::transmute::<i32, Error>(-(errno as i32)) }
}
