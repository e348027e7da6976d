// SPDX-License-Identifier: GPL-2.0

//! Speeds of a USB device.

use std::time::Duration;

/// A speed at which there are isochronous transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
    /// 5 Gbit/s.
    Super,
}

impl Speed {
    /// The speed of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::Full),
            "high" => Some(Self::High),
            "super" => Some(Self::Super),
            _ => None,
        }
    }

    /// The number `attach` takes.
    pub fn number(self) -> u32 {
        match self {
            Self::Full => 2,
            Self::High => 3,
            Self::Super => 5,
        }
    }

    /// The length of a frame or microframe, in which the periods of endpoints are counted.
    pub fn frame(self) -> Duration {
        match self {
            Self::Full => Duration::from_millis(1),
            Self::High | Self::Super => Duration::from_micros(125),
        }
    }

    /// Frames or microframes in a second.
    pub fn frames_per_second(self) -> u64 {
        match self {
            Self::Full => 1000,
            Self::High | Self::Super => 8000,
        }
    }
}
