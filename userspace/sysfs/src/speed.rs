// SPDX-License-Identifier: GPL-2.0

//! Connection speeds.

use crate::Hub;

/// `enum usb_device_speed` as sysfs, the wire and `attach` use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 0, not known; vhci refuses it.
    Unknown,
    /// 1, 1.5 Mbit/s.
    Low,
    /// 2, 12 Mbit/s.
    Full,
    /// 3, 480 Mbit/s.
    High,
    /// 4, 53.3 to 480 Mbit/s.
    Wireless,
    /// 5, 5000 Mbit/s.
    Super,
    /// 6, 10000 Mbit/s and more.
    SuperPlus,
}

impl Speed {
    /// The speed a `speed` attribute names; [`Self::Unknown`] for any other text.
    pub fn from_sysfs(text: &str) -> Self {
        match text {
            "1.5" => Self::Low,
            "12" => Self::Full,
            "480" => Self::High,
            "53.3-480" => Self::Wireless,
            "5000" => Self::Super,
            "10000" | "20000" => Self::SuperPlus,
            _ => Self::Unknown,
        }
    }

    /// The speed a gadget's `current_speed` names (`drivers/usb/common/common.c:speed_names`);
    /// [`Self::Unknown`] for any other text.
    pub fn from_gadget(text: &str) -> Self {
        match text {
            "low-speed" => Self::Low,
            "full-speed" => Self::Full,
            "high-speed" => Self::High,
            "wireless" => Self::Wireless,
            "super-speed" => Self::Super,
            _ => Self::Unknown,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Low => 1,
            Self::Full => 2,
            Self::High => 3,
            Self::Wireless => 4,
            Self::Super => 5,
            Self::SuperPlus => 6,
        }
    }

    /// The speed a number on the wire stands for; [`Self::Unknown`] for any other number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Low,
            2 => Self::Full,
            3 => Self::High,
            4 => Self::Wireless,
            5 => Self::Super,
            6 => Self::SuperPlus,
            _ => Self::Unknown,
        }
    }

    /// Mbit/s as sysfs spells them; `None` when not known.
    pub const fn mbps(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Low => Some("1.5"),
            Self::Full => Some("12"),
            Self::High => Some("480"),
            Self::Wireless => Some("53.3-480"),
            Self::Super => Some("5000"),
            Self::SuperPlus => Some("10000"),
        }
    }

    /// Text for people (`usbip_common.c:speed_strings`).
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown Speed",
            Self::Low => "Low Speed(1.5Mbps)",
            Self::Full => "Full Speed(12Mbps)",
            Self::High => "High Speed(480Mbps)",
            Self::Wireless => "Wireless",
            Self::Super => "Super Speed(5000Mbps)",
            Self::SuperPlus => "Super Speed Plus(10000Mbps)",
        }
    }

    /// Root hub a device of this wire speed belongs to; unknown numbers go with high speed, so
    /// that the kernel gets to refuse them.
    pub const fn hub_for(number: u32) -> Hub {
        match number {
            5 | 6 => Hub::Super,
            _ => Hub::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysfs_texts_map_to_kernel_numbers() {
        let texts = ["", "1.5", "12", "480", "53.3-480", "5000", "10000"];
        for (number, text) in (0..).zip(texts) {
            assert_eq!(Speed::from_sysfs(text).number(), number);
            assert_eq!(Speed::from_number(number).mbps().unwrap_or_default(), text);
        }
        assert_eq!(Speed::from_sysfs("20000"), Speed::SuperPlus);
        assert_eq!(Speed::from_sysfs("480\n"), Speed::Unknown);
    }
}
