// SPDX-License-Identifier: GPL-2.0

//! Control requests that change what usbcore has to know about the device. They are carried out by
//! usbcore instead of being sent as they are.

use super::export::Export;
use kernel::prelude::*;
use usbip::protocol::Direction;

/// A request for usbcore (USB 2.0, 9.4 and 11.24.2).
pub(crate) enum Special {
    ClearHalt {
        number: u8,
        direction: Direction,
    },
    SetInterface {
        interface: u16,
        alternate: u16,
    },
    SetConfiguration(u16),
    /// Not a request to the device: what a client may send to have it reset.
    Reset,
}

impl Special {
    /// Recognises a request by its setup packet.
    pub(crate) fn from_setup(setup: &[u8; 8]) -> Option<Self> {
        let [request_type, request, value_low, value_high, index_low, index_high, _, _] = *setup;
        let value = u16::from_le_bytes([value_low, value_high]);
        let index = u16::from_le_bytes([index_low, index_high]);
        match (request_type, request, value) {
            (0x02, 0x01, 0) => Some(Self::ClearHalt {
                number: index_low & 0x0f,
                direction: match index_low & 0x80 {
                    0 => Direction::Out,
                    _ => Direction::In,
                },
            }),
            (0x01, 0x0b, alternate) => Some(Self::SetInterface {
                interface: index,
                alternate,
            }),
            (0x00, 0x09, configuration) => Some(Self::SetConfiguration(configuration)),
            (0x23, 0x03, 4) => Some(Self::Reset),
            _ => None,
        }
    }

    /// Has usbcore carry the request out. Task context, may sleep.
    ///
    /// A failure means that the request is to be sent to the device as it is.
    pub(crate) fn carry_out(&self, export: &Export) -> Result {
        let device = export.device();
        let dev = device.device();
        let lock = device.lock_unless(|| export.has_ended()).ok_or(ENODEV)?;
        match *self {
            Self::ClearHalt { number, direction } => {
                let result = lock.clear_halt(number, direction);
                report(&result, |outcome| {
                    let devnum = device.devnum();
                    dev_info!(
                        dev,
                        "usb_clear_halt {outcome}: devnum {devnum} endp {number}\n"
                    );
                });
                result
            }
            Self::SetInterface {
                interface,
                alternate,
            } => {
                let result = lock.set_interface(interface, alternate);
                report(&result, |outcome| {
                    dev_info!(
                        dev,
                        "usb_set_interface {outcome}: inf {interface} alt {alternate}\n"
                    );
                });
                result
            }
            Self::SetConfiguration(configuration) => {
                let result = lock.set_configuration(configuration);
                if let Err(error) = result {
                    let errno = error.to_errno();
                    dev_err!(dev, "can't set config #{configuration}, error {errno}\n");
                }
                result
            }
            Self::Reset => {
                dev_info!(dev, "usb_queue_reset_device\n");
                lock.reset()
            }
        }
    }
}

fn report(result: &Result, print: impl FnOnce(&str)) {
    print(if result.is_ok() { "done" } else { "error" });
}
