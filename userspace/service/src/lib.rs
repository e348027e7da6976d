// SPDX-License-Identifier: GPL-2.0

//! What the services have in common: signals, events of the kernel, files they read and write.

#![forbid(unsafe_code)]

mod client;
mod config;
mod inbox;
mod manager;
mod network;
mod signals;
mod state;
mod uevents;

pub use client::Client;
pub use config::{read_config, ConfigError};
pub use inbox::{inbox, Inbox, Outlet};
pub use manager::{tell_ready, tell_reloading, tell_stopping};
pub use network::NetworkChanges;
pub use signals::{Signal, Signals};
pub use state::{run_directory, StateFile};
pub use uevents::{ActionType, UEvent, Uevents};
