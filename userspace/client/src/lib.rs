// SPDX-License-Identifier: GPL-2.0

//! Importing devices: what can be had from a server, taking one, and the records of what is
//! attached where. Nothing here prints; errors say what happened and callers choose the words.

#![forbid(unsafe_code)]

mod descriptors;
mod free_port;
mod imported;
mod record;
mod server;

pub use free_port::{attach_to_free_port, AttachError};
pub use imported::{HandOverError, Imported};
pub use record::{RecordError, Records, Remote, Stamp};
pub use server::{is_busid, patience, Listed, Server, ServerError};
