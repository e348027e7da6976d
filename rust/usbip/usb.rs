// SPDX-License-Identifier: GPL-2.0

//! The USB core, as a driver of whole devices and a virtual host controller need it.
//!
//! C headers: [`include/linux/usb.h`](srctree/include/linux/usb.h),
//! [`include/linux/usb/hcd.h`](srctree/include/linux/usb/hcd.h)

pub mod anchor;
pub mod buffer;
pub mod device;
pub mod driver;
pub mod endpoint;
pub mod enqueued;
pub mod hcd;
pub mod hcd_ref;
pub mod hub;
pub mod iso;
pub mod linked;
mod packets;
pub mod registered;
pub mod root_hub;
pub mod spare;
pub mod speed;
pub mod transfer;

pub use device::Device;
pub use endpoint::{
    Endpoint,
    EndpointKind, //
};
pub use speed::Speed;
