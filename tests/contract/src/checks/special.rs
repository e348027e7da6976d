// SPDX-License-Identifier: GPL-2.0

//! Control requests the exporting driver carries out itself, and those it must not touch.

use crate::attribute;
use crate::kind::Role;
use crate::peer::Peer;
use crate::report::{Outcome, Report};
use crate::stub::Local;
use usbip_protocol::Direction;

type Setup = [u8; 8];

const CONFIGURE: Setup = [0, 9, 1, 0, 0, 0, 0, 0];

/// Requests to an unconfigured device.
const UNCONFIGURED: &[(&str, Setup)] = &[
    ("set-configuration", CONFIGURE),
    ("set-configuration-zero", [0, 9, 0, 0, 0, 0, 0, 0]),
    ("set-configuration-unknown", [0, 9, 7, 0, 0, 0, 0, 0]),
    ("set-interface", [1, 0x0b, 0, 0, 0, 0, 0, 0]),
    ("clear-halt", [2, 1, 0, 0, 0x81, 0, 0, 0]),
    ("get-configuration", [0x80, 8, 0, 0, 0, 0, 1, 0]),
    ("reset", [0x23, 3, 4, 0, 0, 0, 0, 0]),
];

/// Requests to a configured device.
const CONFIGURED: &[(&str, Setup)] = &[
    ("set-configuration-again", CONFIGURE),
    ("set-configuration-zero", [0, 9, 0, 0, 0, 0, 0, 0]),
    ("set-configuration-unknown", [0, 9, 7, 0, 0, 0, 0, 0]),
    ("set-configuration-index", [0, 9, 1, 0, 5, 0, 0, 0]),
    ("set-interface", [1, 0x0b, 0, 0, 0, 0, 0, 0]),
    (
        "set-interface-unknown-alternate",
        [1, 0x0b, 5, 0, 0, 0, 0, 0],
    ),
    ("set-interface-unknown", [1, 0x0b, 0, 0, 5, 0, 0, 0]),
    ("clear-halt-in", [2, 1, 0, 0, 0x81, 0, 0, 0]),
    ("clear-halt-out", [2, 1, 0, 0, 0x02, 0, 0, 0]),
    ("clear-halt-zero", [2, 1, 0, 0, 0, 0, 0, 0]),
    ("clear-halt-unknown", [2, 1, 0, 0, 0x85, 0, 0, 0]),
    ("clear-halt-odd-bits", [2, 1, 0, 0, 0xf1, 0, 0, 0]),
    ("clear-other-feature", [2, 1, 1, 0, 0x81, 0, 0, 0]),
    ("set-halt", [2, 3, 0, 0, 0x81, 0, 0, 0]),
    ("reset", [0x23, 3, 4, 0, 0, 0, 0, 0]),
    ("reset-port-5", [0x23, 3, 4, 0, 5, 0, 0, 0]),
    ("other-port-feature", [0x23, 3, 8, 0, 0, 0, 0, 0]),
    ("get-configuration", [0x80, 8, 0, 0, 0, 0, 1, 0]),
    ("get-interface", [0x81, 10, 0, 0, 0, 0, 1, 0]),
    ("get-status", [0x80, 0, 0, 0, 0, 0, 2, 0]),
    ("get-status-endpoint", [0x82, 0, 0, 0, 0x81, 0, 2, 0]),
    ("mass-storage-reset", [0x21, 0xff, 0, 0, 0, 0, 0, 0]),
    ("get-max-lun", [0xa1, 0xfe, 0, 0, 0, 0, 1, 0]),
    ("vendor", [0xc0, 0x51, 0, 0, 0, 0, 4, 0]),
    ("get-string", [0x80, 6, 3, 3, 9, 4, 255, 0]),
    (
        "get-configuration-descriptor",
        [0x80, 6, 0, 2, 0, 0, 255, 0],
    ),
];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("special", &[Role::Host], |report| {
        report.side_by_side(checks);
    });
}

fn checks(report: &mut Report) {
    for (name, setup) in UNCONFIGURED {
        report.check(&format!("special.unconfigured-{name}"), move || {
            carry_out(*setup, false)
        });
    }
    for (name, setup) in CONFIGURED {
        report.check(&format!("special.{name}"), move || carry_out(*setup, true));
    }
    report.check("special.two-in-a-row", two);
    report.check("special.configure-and-transfer", configure_and_transfer);
    report.check("special.unlink", unlink);
    report.check("special.close", close);
}

/// The reply, how many transfers the device has seen for it, and what has become of the device.
fn carry_out(setup: Setup, configured: bool) -> Outcome {
    let export = Local::stick()?.export()?;
    let device = &export.device;
    let mut peer = Peer::connect(device)?;
    if configured {
        peer.control(CONFIGURE)?;
    }
    let transfers = || {
        attribute::value(device.file("urbnum"))
            .parse::<i64>()
            .unwrap_or_default()
    };
    let before = transfers();
    let reply = peer.control(setup)?;
    let count = transfers() - before;
    let configuration = attribute::read(device.file("bConfigurationValue"));
    let liveness = peer.liveness();
    drop(peer);
    let available = device.wait_available();
    Ok(format!(
        "{reply}, {count} transfers, configuration {configuration}, {liveness}, available again: {available}"
    ))
}

/// Two requests that are carried out, the second sent before the first is answered.
fn two() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    for setup in [CONFIGURE, [2, 1, 0, 0, 0x81, 0, 0, 0]] {
        let request = peer.control_request(setup);
        peer.submit(request, &[])?;
    }
    Ok([peer.receive(), peer.receive(), peer.liveness()].join(", "))
}

/// A command to the stick, sent before it is known to be configured.
fn configure_and_transfer() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let request = peer.control_request(CONFIGURE);
    peer.submit(request, &[])?;
    let request = peer.request(Direction::Out, 2, 31);
    let mut command = b"USBC0123".to_vec();
    command.resize(31, 0);
    command[14] = 6;
    peer.submit(request, &command)?;
    let request = peer.request(Direction::In, 1, 13);
    peer.submit(request, &[])?;
    Ok([
        peer.receive(),
        peer.receive(),
        peer.receive(),
        peer.liveness(),
    ]
    .join(", "))
}

/// A request that is cancelled at once: whichever comes first, there is one answer to each.
fn unlink() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let request = peer.control_request([0x23, 3, 4, 0, 0, 0, 0, 0]);
    let victim = peer.submit(request, &[])?;
    peer.unlink(victim)?;
    let first = peer.receive();
    let answered =
        first.starts_with("reply #1 status=0") && peer.receive().starts_with("unlinked #2");
    let cancelled = first == "unlinked #2 status=-ECONNRESET";
    Ok(format!("{}, {}", answered || cancelled, peer.liveness()))
}

/// The client goes while a request is carried out.
fn close() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let request = peer.control_request(CONFIGURE);
    peer.submit(request, &[])?;
    peer.close()?;
    let available = export.device.wait_available();
    Ok(format!(
        "available again: {available}, {}",
        Peer::connect(&export.device)?.liveness()
    ))
}
