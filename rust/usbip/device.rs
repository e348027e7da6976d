// SPDX-License-Identifier: GPL-2.0

//! Access to the C side of the kernel crate's [`Device`].

use kernel::{
    bindings,
    device::{
        Device,
        DeviceContext, //
    }, //
};

/// The C device behind `dev`.
///
/// The kernel crate keeps this to itself; the cast lives here and nowhere else.
pub(crate) fn as_raw<Ctx: DeviceContext>(dev: &Device<Ctx>) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of `Opaque<bindings::device>`.
    core::ptr::from_ref(dev).cast_mut().cast()
}
