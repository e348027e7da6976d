// SPDX-License-Identifier: GPL-2.0

//! What a USB device is, apart from where it is plugged in, and rules that choose devices by it.
//!
//! Bus ids change with the port and from boot to boot; configuration files name devices by what
//! stays.

#![forbid(unsafe_code)]

mod class;
mod descriptors;
mod device_id;
mod identity;
mod pattern;
mod selector;

pub use class::{ClassPattern, InvalidClass};
pub use descriptors::interface_classes;
pub use device_id::{DeviceId, IdPattern, InvalidId};
pub use identity::Identity;
pub use pattern::Pattern;
pub use selector::{Match, Selector};
