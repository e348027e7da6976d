// SPDX-License-Identifier: GPL-2.0

//! Ports of the virtual host controllers.

use std::fmt;

/// Flat port number over all controllers and both hubs of each, as `status` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub u32);

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Root hub a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hub {
    /// `hs`: up to 480 Mbit/s.
    High,
    /// `ss`: 5000 Mbit/s and more.
    Super,
}

/// State column of `status` (`include/uapi/linux/usbip.h:usbip_device_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortState {
    /// 4, free.
    Null,
    /// 5, attached, address not yet assigned.
    NotAssigned,
    /// 6, attached and enumerated.
    Used,
    /// 7, unusable until detached.
    Error,
    /// Any other number, kept as read.
    Other(u32),
}

impl PortState {
    /// The state a number stands for.
    pub const fn from_number(number: u32) -> Self {
        match number {
            4 => Self::Null,
            5 => Self::NotAssigned,
            6 => Self::Used,
            7 => Self::Error,
            other => Self::Other(other),
        }
    }

    /// Whether the row names a local device (C: anything but 4 and 5).
    pub const fn has_device(self) -> bool {
        !matches!(self, Self::Null | Self::NotAssigned)
    }

    /// Text for people (`usbip_common.c:portst_strings`).
    pub const fn text(self) -> &'static str {
        match self {
            Self::Null => "Port Available",
            Self::NotAssigned => "Port Initializing",
            Self::Used => "Port in Use",
            Self::Error => "Port Error",
            Self::Other(1) => "Device Available",
            Self::Other(2) => "Device in Use",
            Self::Other(3) => "Device Error",
            Self::Other(_) => "Unknown Status",
        }
    }
}
