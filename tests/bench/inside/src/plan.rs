// SPDX-License-Identifier: GPL-2.0

//! What is to be transferred.

use std::io;
use usbip_protocol::Direction;

/// Packets of an isochronous transfer: one for each microframe of a millisecond.
pub const PACKETS: usize = 8;

/// Transfers that are enough for an isochronous stream to find its pace over any distance.
const SETTLED: usize = 200;

/// A kind of transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On a bulk endpoint, of alternate setting 0.
    Bulk,
    /// On an interrupt endpoint, of alternate setting 0.
    Interrupt,
    /// On an isochronous endpoint, of alternate setting 1.
    Isochronous,
}

/// A number of transfers of the same kind.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The kind.
    pub kind: Kind,
    /// From or to the device.
    pub direction: Direction,
    /// Bytes of a transfer.
    pub size: usize,
    /// Transfers that are under way at any time.
    pub depth: usize,
    /// Transfers to measure.
    pub count: usize,
}

impl Plan {
    /// Reads `in|out|interrupt|isochronous SIZE DEPTH COUNT`.
    pub fn parse(arguments: &[&str]) -> io::Result<Self> {
        let [action, size, depth, count] = arguments else {
            return Err(io::Error::other(
                "wanted: in|out|interrupt|isochronous SIZE DEPTH COUNT",
            ));
        };
        let (kind, direction) = match *action {
            "in" => (Kind::Bulk, Direction::In),
            "out" => (Kind::Bulk, Direction::Out),
            "interrupt" => (Kind::Interrupt, Direction::In),
            "isochronous" => (Kind::Isochronous, Direction::In),
            other => {
                return Err(io::Error::other(format!(
                    "'{other}' is no kind of transfer"
                )))
            }
        };
        let number = |text: &str| match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(io::Error::other(format!(
                "'{text}' is not a number above 0"
            ))),
        };
        Ok(Self {
            kind,
            direction,
            size: number(size)?,
            depth: number(depth)?,
            count: number(count)?,
        })
    }

    /// Transfers before the first that is measured.
    pub fn warm(&self) -> usize {
        let full = 2 * self.depth + 8;
        match self.kind {
            Kind::Bulk | Kind::Interrupt => full,
            Kind::Isochronous => full.max(SETTLED),
        }
    }

    /// All transfers: the last `depth` only keep the depth to the end of the measurement.
    pub fn all(&self) -> usize {
        self.warm() + self.count + self.depth
    }
}
