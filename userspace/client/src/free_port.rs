// SPDX-License-Identifier: GPL-2.0

//! Choosing a port while others choose too.

use std::io;
use std::thread;
use std::time::Duration;

use thiserror::Error;
use usbip_sysfs::{Hub, Port, PortRow, PortState, VhciError};

/// Refusals after which something else must be wrong: more than any number of tools that race.
const MAX_ATTEMPTS: u32 = 64;

/// Time for the winner of a race to show in the table.
const PAUSE: Duration = Duration::from_millis(5);

/// Why no port could be had.
#[derive(Debug, Error)]
pub enum AttachError {
    /// The table cannot be read.
    #[error("{0}")]
    Table(VhciError),
    /// Every port of the hub is taken.
    #[error("no free port")]
    NoFreePort,
    /// The kernel refused; `EBUSY` only after many attempts.
    #[error("vhci_hcd attach: {0}")]
    Refused(io::Error),
}

/// Attaches to the first free port of `hub`. When the kernel says that the port is busy, somebody
/// was faster: the table is read again before the next attempt.
///
/// # Errors
/// See [`AttachError`].
pub fn attach_to_free_port(
    hub: Hub,
    read_table: impl Fn() -> Result<Vec<PortRow>, VhciError>,
    mut attach: impl FnMut(Port) -> io::Result<()>,
) -> Result<Port, AttachError> {
    let mut busy = Vec::new();
    for _attempt in 0..MAX_ATTEMPTS {
        let rows = read_table().map_err(AttachError::Table)?;
        let port = choose(&rows, hub, &busy).ok_or(AttachError::NoFreePort)?;
        match attach(port) {
            Ok(()) => return Ok(port),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => busy.push(port),
            Err(error) => return Err(AttachError::Refused(error)),
        }
        thread::sleep(PAUSE);
    }
    Err(AttachError::Refused(io::ErrorKind::ResourceBusy.into()))
}

/// First free port in table order, those that were found busy last.
fn choose(rows: &[PortRow], hub: Hub, busy: &[Port]) -> Option<Port> {
    rows.iter()
        .filter(|row| row.hub == hub && row.state == PortState::Null)
        .map(|row| row.port)
        .min_by_key(|port| busy.contains(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn table(text: &str) -> Vec<PortRow> {
        text.lines().filter_map(PortRow::parse).collect()
    }

    const FREE: &str = "hs 0 4 0 0 0 0-0\nhs 1 4 0 0 0 0-0\nss 2 4 0 0 0 0-0\nss 3 4 0 0 0 0-0";

    #[test]
    fn hub_decides() {
        let attach = |hub| attach_to_free_port(hub, || Ok(table(FREE)), |_port| Ok(()));
        assert_eq!(attach(Hub::High).unwrap(), Port(0));
        assert_eq!(attach(Hub::Super).unwrap(), Port(2));
    }

    #[test]
    fn table_is_read_again_after_busy() {
        let reads = Cell::new(0);
        let read_table = || {
            reads.set(reads.get() + 1);
            Ok(table(match reads.get() {
                1 => FREE,
                _ => "hs 0 5 0 0 0 0-0\nhs 1 4 0 0 0 0-0",
            }))
        };
        let attach = |port| match port {
            Port(0) => Err(io::ErrorKind::ResourceBusy.into()),
            _ => Ok(()),
        };
        let port = attach_to_free_port(Hub::High, read_table, attach).unwrap();
        assert_eq!((port, reads.get()), (Port(1), 2));
    }

    #[test]
    fn busy_port_that_still_looks_free_is_tried_last() {
        let attach = |port| match port {
            Port(0) => Err(io::ErrorKind::ResourceBusy.into()),
            _ => Ok(()),
        };
        let port = attach_to_free_port(Hub::High, || Ok(table(FREE)), attach);
        assert_eq!(port.unwrap(), Port(1));
    }

    #[test]
    fn last_port_taken_meanwhile_ends_the_search() {
        let reads = Cell::new(0);
        let read_table = || {
            reads.set(reads.get() + 1);
            Ok(table(if reads.get() == 1 {
                FREE
            } else {
                "hs 0 6 3 0 0 1-1"
            }))
        };
        let result = attach_to_free_port(Hub::High, read_table, |_port| {
            Err(io::ErrorKind::ResourceBusy.into())
        });
        assert!(matches!(result, Err(AttachError::NoFreePort)), "{result:?}");
    }

    #[test]
    fn stubborn_kernel_does_not_hang_the_tool() {
        let attempts = Cell::new(0);
        let result = attach_to_free_port(
            Hub::High,
            || Ok(table(FREE)),
            |_port| {
                attempts.set(attempts.get() + 1);
                Err(io::ErrorKind::ResourceBusy.into())
            },
        );
        assert!(matches!(result, Err(AttachError::Refused(_))), "{result:?}");
        assert_eq!(attempts.get(), MAX_ATTEMPTS);
    }
}
