// SPDX-License-Identifier: GPL-2.0

//! The `status` file of the virtual host controllers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use usbip_fixture::FakeSysfs;
use usbip_fuzz::within;
use usbip_sysfs::{Hub, PortRow, PortState, Sysfs, Vhci};

const FILE: &str = "devices/platform/vhci_hcd.0/status";

static TREE: OnceLock<(FakeSysfs, Vhci)> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let (tree, vhci) = TREE.get_or_init(plant);
    tree.write(FILE, data)
        .expect("a file of ours can be written");
    // An attribute is read into a buffer that doubles; a byte that is no UTF-8 becomes three.
    let rows = within(16_384 + 64 * data.len(), || vhci.ports());
    let rows = rows.expect("the file is there");
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(rows.len() < lines.max(1));
    for row in rows {
        assert_eq!(PortRow::parse(&as_printed(&row)), Some(row));
    }
});

/// The row as `vhci_sysfs.c:port_show_vhci` prints it.
fn as_printed(row: &PortRow) -> String {
    let hub = match row.hub {
        Hub::High => "hs",
        Hub::Super => "ss",
    };
    let state = match row.state {
        PortState::Null => 4,
        PortState::NotAssigned => 5,
        PortState::Used => 6,
        PortState::Error => 7,
        PortState::Other(number) => number,
    };
    let devid = (row.devid.busnum() << 16) | row.devid.devnum();
    let local = row.local.as_ref().map(ToString::to_string);
    let local = local.unwrap_or_default();
    format!(
        "{hub}  {:04} {state:03} 000 {devid:08x} 000000 {local}",
        row.port.0
    )
}

fn plant() -> (FakeSysfs, Vhci) {
    let tree = FakeSysfs::new().expect("there is a temporary directory");
    let made = tree.load_vhci(8, &[""]);
    made.expect("the temporary directory can be written");
    let vhci = Sysfs::new(tree.root()).vhci();
    let vhci = vhci.expect("the tree has controllers");
    (tree, vhci)
}
