// SPDX-License-Identifier: GPL-2.0

//! What the root hubs say to every request a hub can get (USB 2.0, 11.24; USB 3.2, 10.16).

use crate::kind::Role;
use crate::limit;
use crate::report::{Outcome, Report};
use crate::root_hub::{RootHub, Setup, Side};
use crate::vhci::Vhci;
use std::thread::sleep;
use std::time::Duration;

/// Requests that change nothing. `wIndex` is a port where it is one; the last one is 15.
const QUESTIONS: &[(&str, Setup)] = &[
    ("descriptor", (0xa0, 6, 0x2900, 0, 15)),
    ("descriptor-super", (0xa0, 6, 0x2a00, 0, 12)),
    ("descriptor-super-short", (0xa0, 6, 0x2a00, 0, 11)),
    ("descriptor-short", (0xa0, 6, 0x2900, 0, 8)),
    ("descriptor-other", (0xa0, 6, 0x2800, 0, 15)),
    ("bos", (0x80, 6, 0x0f00, 0, 15)),
    ("bos-short", (0x80, 6, 0x0f00, 0, 5)),
    ("status", (0xa0, 0, 0, 0, 4)),
    ("port-status", (0xa3, 0, 0, 15, 4)),
    ("port-status-zero", (0xa3, 0, 0, 0, 4)),
    ("port-status-sixteen", (0xa3, 0, 0, 16, 4)),
    ("port-status-high-byte", (0xa3, 0, 0, 0x010f, 4)),
    ("port-status-extended", (0xa3, 0, 2, 15, 8)),
    ("error-count", (0xa3, 13, 0, 15, 2)),
    ("unknown-question", (0xa3, 0x99, 0, 15, 4)),
    ("unknown-request", (0x23, 0x99, 0, 15, 0)),
    ("set-hub-feature", (0x20, 3, 0, 0, 0)),
    ("clear-hub-feature", (0x20, 1, 0, 0, 0)),
    ("set-depth", (0x20, 12, 1, 0, 0)),
];

/// Features that are set and cleared again; what a port does with most of them is nothing.
const FEATURES: &[(&str, u16, u16)] = &[
    ("link-state", 5, 15),
    ("link-state-port-zero", 5, 0),
    ("u1-timeout", 23, 15),
    ("u2-timeout-port-sixteen", 24, 16),
    ("indicator", 22, 15),
    ("bit-31", 31, 15),
    ("bit-32", 32, 15),
    ("largest", 0xffff, 15),
    ("indicator-port-zero", 22, 0),
    ("indicator-port-sixteen", 22, 16),
    ("reset-port-zero", 4, 0),
];

/// The bit of the change word, its bytes swapped, that stands for the feature of a warm reset and
/// is no change.
const STRAY: u16 = 0x0010;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("hub", &[Role::Vhci], |report| {
        for side in [Side::Usb2, Side::Usb3] {
            let tag = side.tag();
            for (name, setup) in QUESTIONS {
                report.check(&format!("hub.{tag}-{name}"), move || {
                    Ok(RootHub::of_last(side)?.control(*setup))
                });
            }
            for (name, value, port) in FEATURES {
                report.check(&format!("hub.{tag}-feature-{name}"), move || {
                    feature(side, *value, *port)
                });
            }
            report.check(&format!("hub.{tag}-reset-nothing"), move || reset(side, 4));
            report.check(&format!("hub.{tag}-warm-reset-nothing"), move || {
                reset(side, 28)
            });
            report.check(&format!("hub.{tag}-reset-two-ports"), move || two(side));
        }
    });
}

/// Sets a feature and clears it; what each says, and the port's status after it.
fn feature(side: Side, value: u16, port: u16) -> Outcome {
    let hub = RootHub::of_last(side)?;
    let mut texts = Vec::new();
    for request in [3, 1] {
        texts.push(hub.control((0x23, request, value, port, 0)));
        texts.push(hub.port_status(port));
    }
    Ok(texts.join(" "))
}

/// Resets a port with nothing on it. The hub's driver clears the change bits at a time of its own,
/// so only the status word is told.
fn reset(side: Side, feature: u16) -> Outcome {
    let hub = RootHub::of_last(side)?;
    let accepted = hub.control((0x23, 3, feature, 14, 0));
    let mut status = String::new();
    limit::wait_until(|| {
        status = hub.port_status(14);
        !is_resetting(&status)
    });
    let busy = Vhci.busy();
    hub.control((0x23, 1, 28, 14, 0));
    hub.control((0x23, 1, 0, 14, 0));
    let (lower, upper) = status.split_at_checked(4).ok_or(status.clone())?;
    let stray = u16::from_str_radix(upper, 16).unwrap_or_default() & STRAY;
    Ok(format!(
        "{accepted} {lower}, stray bit: {}, {busy}",
        stray != 0
    ))
}

/// Resets a port when the reset of another one has lasted long enough; whether the first one is
/// over then, in the best of some attempts, for a slow machine may be late.
fn two(side: Side) -> Outcome {
    let hub = RootHub::of_last(side)?;
    let mut disturbed = 0;
    for _ in 0..5 {
        hub.control((0x23, 3, 4, 12, 0));
        sleep(Duration::from_millis(70));
        hub.control((0x23, 3, 4, 13, 0));
        disturbed += u32::from(is_resetting(&hub.port_status(12)));
        sleep(Duration::from_millis(70));
        hub.port_status(12);
        hub.port_status(13);
    }
    for port in [12, 13] {
        hub.control((0x23, 1, 0, port, 0));
    }
    Ok(format!("disturbed: {}", disturbed > 0))
}

/// Whether a port's status, its four bytes in hexadecimal, has the reset bit.
fn is_resetting(status: &str) -> bool {
    let low = status.get(..2).unwrap_or_default();
    u8::from_str_radix(low, 16).is_ok_and(|low| low & 0x10 != 0)
}
