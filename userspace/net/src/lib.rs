// SPDX-License-Identifier: GPL-2.0

//! TCP connections up to the moment the kernel takes them.
//!
//! Nothing here buffers: a byte read too many would be missing from the stream the kernel gets.

#![forbid(unsafe_code)]

mod channel;
mod connect;
mod dead_peer;
mod local;
mod socket;
mod tcp_port;

pub use channel::{Channel, ExchangeError, Patience};
pub use connect::{connect, ConnectError};
pub use dead_peer::{DeadPeerLimit, InvalidLimit};
pub use local::{is_local, place};
pub use socket::{listen, listen_ahead, tune};
pub use tcp_port::{InvalidTcpPort, TcpPort};

/// Program name the C source of these messages carries, also inside usbipd.
const LOG_TARGET: &str = "usbip";
