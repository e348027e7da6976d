// SPDX-License-Identifier: GPL-2.0

//! Endpoints and the pipes that lead to them.

use crate::protocol::{
    CmdSubmit,
    Direction,
    ProtocolError, //
};
use kernel::bindings;

/// The kind of transfer an endpoint is made for (USB 2.0, 5.4 to 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// Requests with a setup packet.
    Control,
    /// Periodic transfers that may lose data but never come late.
    Isochronous,
    /// Large transfers without a guarantee of time.
    Bulk,
    /// Small transfers within a bounded time.
    Interrupt,
}

impl EndpointKind {
    /// Reads the low two bits of `bmAttributes` (USB 2.0, table 9-13).
    pub(crate) const fn from_attributes(attributes: u8) -> Self {
        match attributes & 3 {
            0 => Self::Control,
            1 => Self::Isochronous,
            2 => Self::Bulk,
            _ => Self::Interrupt,
        }
    }

    /// Reads the type bits of a pipe (`usb_pipetype()`).
    pub(crate) const fn from_pipe(pipe: u32) -> Self {
        match pipe >> 30 {
            bindings::PIPE_CONTROL => Self::Control,
            bindings::PIPE_ISOCHRONOUS => Self::Isochronous,
            bindings::PIPE_BULK => Self::Bulk,
            _ => Self::Interrupt,
        }
    }

    const fn pipe_type(self) -> u32 {
        match self {
            Self::Control => bindings::PIPE_CONTROL,
            Self::Isochronous => bindings::PIPE_ISOCHRONOUS,
            Self::Bulk => bindings::PIPE_BULK,
            Self::Interrupt => bindings::PIPE_INTERRUPT,
        }
    }
}

/// An endpoint of a device, as its current configuration describes it.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The kind of transfer it is made for.
    pub kind: EndpointKind,
    /// Its number, 0 to 15.
    pub number: u8,
}

impl Endpoint {
    /// The packets of the transfer that `cmd` asks this endpoint for; 0 if it is not isochronous.
    pub fn packets(self, cmd: &CmdSubmit) -> Result<usize, ProtocolError> {
        match self.kind {
            EndpointKind::Isochronous => cmd.iso_packets(),
            _ => Ok(0),
        }
    }

    /// The pipe to this endpoint of the device with the bus address `devnum`
    /// (`usb_sndbulkpipe()` and its like).
    pub(crate) fn pipe(self, devnum: u8, direction: Direction) -> u32 {
        let direction = match direction {
            Direction::In => bindings::USB_DIR_IN,
            Direction::Out => bindings::USB_DIR_OUT,
        };
        self.kind.pipe_type() << 30
            | u32::from(self.number) << 15
            | u32::from(devnum) << 8
            | direction
    }
}

/// The device address in a pipe (`usb_pipedevice()`).
pub(crate) const fn pipe_device(pipe: u32) -> u8 {
    (pipe >> 8 & 0x7f) as u8
}

/// The endpoint number in a pipe (`usb_pipeendpoint()`).
pub(crate) const fn pipe_endpoint(pipe: u32) -> u8 {
    (pipe >> 15 & 0xf) as u8
}

/// The direction of a pipe (`usb_pipein()`).
pub(crate) const fn pipe_direction(pipe: u32) -> Direction {
    if pipe & bindings::USB_DIR_IN != 0 {
        Direction::In
    } else {
        Direction::Out
    }
}

#[kernel::prelude::kunit_tests(usbip_usb_endpoint)]
mod tests {
    use super::*;

    const KINDS: [EndpointKind; 4] = [
        EndpointKind::Control,
        EndpointKind::Isochronous,
        EndpointKind::Bulk,
        EndpointKind::Interrupt,
    ];

    #[test]
    fn pipes_come_back() {
        for kind in KINDS {
            for number in 0..16 {
                for direction in [Direction::In, Direction::Out] {
                    let pipe = Endpoint { kind, number }.pipe(127, direction);
                    assert_eq!(EndpointKind::from_pipe(pipe), kind);
                    assert_eq!(pipe_endpoint(pipe), number);
                    assert_eq!(pipe_device(pipe), 127);
                    assert_eq!(pipe_direction(pipe), direction);
                }
            }
        }
    }

    #[test]
    fn kinds_are_those_of_descriptors() {
        for (attributes, kind) in (0..).zip(KINDS) {
            assert_eq!(EndpointKind::from_attributes(attributes), kind);
            // The other bits are about synchronisation.
            assert_eq!(EndpointKind::from_attributes(attributes | 0xfc), kind);
        }
    }
}
