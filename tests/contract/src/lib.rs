// SPDX-License-Identifier: GPL-2.0

//! Both ends of a USB/IP connection without a network: a client of an exported device, a server of
//! an imported one, and what the drivers' files and the rest of the system show of either.

#![deny(unsafe_code)]

pub mod attribute;
pub mod errno;
pub mod escape;
pub mod gadget;
pub mod import;
pub mod kind;
pub mod lane;
pub mod limit;
pub mod log;
pub mod pdu;
pub mod peer;
pub mod pipe;
pub mod report;
pub mod root_hub;
pub mod scripted;
pub mod server;
pub mod slab;
pub mod stub;
pub mod usbfs;
pub mod vhci;
pub mod wire;
