// SPDX-License-Identifier: GPL-2.0

//! The USB/IP wire protocol, version 1.1.1.
//!
//! Pure `core` code: it turns bytes into validated values and back, and knows neither URBs nor
//! sockets. It is compiled into the kernel modules, the user-space tools and the fuzzers, so
//! nothing here may panic on wire data or allocate.
//!
//! Source: `Documentation/usb/usbip_protocol.rst`, `drivers/usb/usbip/usbip_common.h`.

pub mod error;
pub mod flags;
pub mod header;
pub mod iso;
#[cfg(not(MODULE))]
pub mod op;
pub mod reply;
pub mod request;

pub use error::ProtocolError;
pub use header::{
    Direction,
    HEADER_LEN, //
};
pub use iso::{
    IsoDescriptor,
    MAX_ISO_PACKETS, //
};
pub use reply::{
    Reply,
    RetSubmit,
    RetUnlink, //
};
pub use request::{
    CmdSubmit,
    CmdUnlink,
    Request, //
};
