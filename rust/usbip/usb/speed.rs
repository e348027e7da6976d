// SPDX-License-Identifier: GPL-2.0

//! The speed of a device.

use super::hub::HubKind;
use kernel::bindings;

/// The speed of a device; the numbers are those of `enum usb_device_speed`, which are also those
/// of the USB/IP protocol and of the sysfs files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low = bindings::usb_device_speed_USB_SPEED_LOW,
    /// 12 Mbit/s.
    Full = bindings::usb_device_speed_USB_SPEED_FULL,
    /// 480 Mbit/s.
    High = bindings::usb_device_speed_USB_SPEED_HIGH,
    /// Wireless USB, as good as forgotten.
    Wireless = bindings::usb_device_speed_USB_SPEED_WIRELESS,
    /// 5 Gbit/s.
    Super = bindings::usb_device_speed_USB_SPEED_SUPER,
    /// 10 Gbit/s and more.
    SuperPlus = bindings::usb_device_speed_USB_SPEED_SUPER_PLUS,
}

impl Speed {
    /// The speed a number stands for; [`None`] for 0 (unknown) and everything above 6.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            bindings::usb_device_speed_USB_SPEED_LOW => Some(Self::Low),
            bindings::usb_device_speed_USB_SPEED_FULL => Some(Self::Full),
            bindings::usb_device_speed_USB_SPEED_HIGH => Some(Self::High),
            bindings::usb_device_speed_USB_SPEED_WIRELESS => Some(Self::Wireless),
            bindings::usb_device_speed_USB_SPEED_SUPER => Some(Self::Super),
            bindings::usb_device_speed_USB_SPEED_SUPER_PLUS => Some(Self::SuperPlus),
            _ => None,
        }
    }

    /// The number that stands for the speed.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The root hub a device of this speed sits on.
    pub const fn hub(self) -> HubKind {
        match self {
            Self::Super | Self::SuperPlus => HubKind::Usb3,
            _ => HubKind::Usb2,
        }
    }

    /// The speed's name, as `usb_speed_string()` gives it.
    pub const fn name(self) -> &'static str {
        name_of(self.number())
    }
}

/// The name of the speed `number`, as `usb_speed_string()` gives it.
pub const fn name_of(number: u32) -> &'static str {
    match number {
        1 => "low-speed",
        2 => "full-speed",
        3 => "high-speed",
        4 => "wireless",
        5 => "super-speed",
        6 => "super-speed-plus",
        _ => "UNKNOWN",
    }
}

#[kernel::prelude::kunit_tests(usbip_usb_speed)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in 0..=8 {
            let speed = Speed::from_number(number);
            assert_eq!(speed.is_some(), (1..=6).contains(&number));
            assert!(speed.is_none_or(|speed| speed.number() == number));
        }
    }

    #[test]
    fn only_superspeed_is_on_its_hub() {
        for number in 1..=6 {
            let hub = Speed::from_number(number).map(Speed::hub);
            let expected = if number >= 5 {
                HubKind::Usb3
            } else {
                HubKind::Usb2
            };
            assert_eq!(hub, Some(expected));
        }
    }

    #[test]
    fn names_are_those_of_usbcore() {
        assert_eq!(Speed::High.name(), "high-speed");
        assert_eq!(Speed::SuperPlus.name(), "super-speed-plus");
        assert_eq!(name_of(0), "UNKNOWN");
        assert_eq!(name_of(7), "UNKNOWN");
    }
}
