// SPDX-License-Identifier: GPL-2.0

//! The debug mask, one for all modules, behind every `usbip_debug` file.

use crate::scan;
use kernel::{
    prelude::*,
    str::Formatter,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// What a debug message is about; the numbers are the bits of the mask, as C has them.
#[derive(Clone, Copy)]
pub enum Class {
    /// PDUs.
    Xmit = 0,
    /// Files in sysfs.
    Sysfs = 1,
    /// URBs.
    Urb = 2,
    /// Connections that end.
    ErrorHandler = 3,
}

static MASK: Atomic<usize> = Atomic::new(0);

/// Whether messages of `class` are wanted. Any context.
pub fn enabled(class: Class) -> bool {
    MASK.load(Relaxed) & 1 << class as usize != 0
}

/// Writes the mask, for a file `usbip_debug`.
pub fn show(out: &mut Formatter<'_>) -> Result {
    use kernel::fmt::Write;
    writeln!(out, "{:x}", MASK.load(Relaxed)).map_err(|_| EIO)
}

/// Sets the mask from what has been written to a file `usbip_debug`. `EINVAL` for no number.
pub fn store(data: &[u8]) -> Result {
    MASK.store(scan::hexadecimal(data).ok_or(EINVAL)?, Relaxed);
    Ok(())
}

/// Prints a message if its [`Class`] is switched on in the debug mask.
#[macro_export]
macro_rules! usbip_dbg {
    ($class:ident, $($arg:tt)*) => {
        if $crate::debug::enabled($crate::debug::Class::$class) {
            ::kernel::prelude::pr_info!($($arg)*);
        }
    };
}
