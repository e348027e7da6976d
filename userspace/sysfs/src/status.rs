// SPDX-License-Identifier: GPL-2.0

//! Rows of the `status` files of the virtual host controller.

use crate::{BusId, DevId, Hub, Port, PortState};

/// One port as `vhci_sysfs.c:port_show_vhci` prints it.
///
/// The file descriptor column is left out: it is 16 zeros or 4294967295 at times and means nothing
/// to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRow {
    /// Root hub of the port.
    pub hub: Hub,
    /// Flat port number.
    pub port: Port,
    /// State of the port.
    pub state: PortState,
    /// The server's id of the attached device; 0 in idle rows.
    pub devid: DevId,
    /// Local name of the attached device; `None` when absent or not a bus id.
    pub local: Option<BusId>,
}

impl PortRow {
    /// Parses one row; `None` unless hub, port, state, speed and devid are all there.
    pub fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split_ascii_whitespace();
        let hub = match columns.next()? {
            "hs" => Hub::High,
            "ss" => Hub::Super,
            _ => return None,
        };
        let port = Port(columns.next()?.parse().ok()?);
        let state = PortState::from_number(columns.next()?.parse().ok()?);
        let _speed: u32 = columns.next()?.parse().ok()?;
        let devid = DevId::from_number(u32::from_str_radix(columns.next()?, 16).ok()?);
        let local = columns.nth(1).and_then(|text| text.parse().ok());
        Some(Self {
            hub,
            port,
            state,
            devid,
            local,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn used_row() {
        let row = PortRow::parse("ss  0300 006 005 012c0002 000003 3-1").unwrap();
        assert_eq!((row.hub, row.port), (Hub::Super, Port(300)));
        assert_eq!(row.state, PortState::Used);
        assert_eq!((row.devid.busnum(), row.devid.devnum()), (300, 2));
        assert_eq!(row.local.unwrap().as_str(), "3-1");
    }

    #[test]
    fn strange_descriptor_columns_do_not_matter() {
        for fd in ["000000", "0000000000000000", "4294967295", "-1"] {
            let line = format!("hs  0000 005 000 00000000 {fd} 0-0");
            assert!(PortRow::parse(&line).is_some(), "{fd}");
        }
        assert_eq!(PortRow::parse("hs 1 4 0 0").unwrap().local, None);
    }

    #[test]
    fn incomplete_or_foreign_rows_are_refused() {
        for line in [
            "",
            "hs  0000 004 000",
            "xs  0000 004 000 0 0 0-0",
            "hs -1 4 0 0 0 0-0",
        ] {
            assert_eq!(PortRow::parse(line), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_are_printed(
            port in 0..10_000_u32,
            state in 0..1000_u32,
            devid: u32,
            sockfd: u32,
            local in "[1-9][0-9]{0,2}-[1-9](\\.[1-9]){0,4}",
        ) {
            let line = format!("ss  {port:04} {state:03} 005 {devid:08x} {sockfd:06} {local}");
            let row = PortRow {
                hub: Hub::Super,
                port: Port(port),
                state: PortState::from_number(state),
                devid: DevId::from_number(devid),
                local: local.parse().ok(),
            };
            prop_assert_eq!(PortRow::parse(&line), Some(row));
        }

        #[test]
        fn any_text_is_survived(line in ".{0,80}") {
            let _ = PortRow::parse(&line);
        }
    }
}
