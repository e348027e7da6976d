// SPDX-License-Identifier: GPL-2.0

//! Network interfaces in use.

use usbip_sysfs::Node;

use crate::Holder;

/// `IFF_UP` of `flags`.
const UP: u32 = 1;

/// The interfaces among `nodes` that are switched on and have a connection.
pub fn holders(nodes: &[Node]) -> Vec<Holder> {
    let interfaces = nodes.iter().filter(|node| node.subsystem == "net");
    let active = interfaces.filter(|node| is_active(node));
    active
        .map(|node| Holder::Network {
            node: node.name.clone(),
        })
        .collect()
}

/// `carrier` cannot even be read while the interface is down.
fn is_active(node: &Node) -> bool {
    let flags = node.attribute("flags").unwrap_or_default();
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16);
    flags.is_ok_and(|flags| flags & UP != 0)
        && node
            .attribute("carrier")
            .is_ok_and(|carrier| carrier == "1")
}
