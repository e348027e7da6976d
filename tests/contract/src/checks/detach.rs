// SPDX-License-Identifier: GPL-2.0

//! What `detach` takes and what it refuses.

use crate::kind::Role;
use crate::report::{Outcome, Report};
use crate::vhci::{Vhci, FREE};
use crate::wire;
use std::os::fd::AsFd;

/// Texts written with devices on the first port of either hub.
const TEXTS: &[(&str, &str)] = &[
    ("newline-only", "\n"),
    ("not-a-number", "x"),
    ("good", "0"),
    ("good-newline", "0\n"),
    ("two-newlines", "0\n\n"),
    ("leading-blank", " 0"),
    ("trailing-blank", "0 "),
    ("plus", "+0"),
    ("minus-zero", "-0"),
    ("zeros", "000"),
    ("hexadecimal", "0x0"),
    ("octal", "010"),
    ("two-numbers", "0 1"),
    ("minus-one", "-1"),
    ("most-negative", "-2147483648"),
    ("below-most-negative", "-2147483649"),
    ("largest", "2147483647"),
    ("above-largest", "2147483648"),
    ("32-bits", "4294967295"),
    ("33-bits", "4294967296"),
    ("beyond-64-bits", "99999999999999999999"),
    ("too-large", "{ports}"),
    ("last", "{last}"),
    ("idle", "1"),
    ("idle-super", "{half+1}"),
    ("super", "{half}"),
    ("second-controller", "{second}"),
    ("zero-byte", "0\0"),
    ("zero-byte-garbage", "0\0x"),
];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("detach", &[Role::Vhci], |report| {
        for (name, text) in TEXTS {
            report.check(&format!("detach.{name}"), move || matrix(text));
        }
        report.check("detach.empty", || Ok(Vhci.detach("")));
        report.check("detach.attach-again", || {
            let (vhci, mut results) = (Vhci, Vec::new());
            for _ in 0..5 {
                let (_ours, kernels) = wire::pair()?;
                results.push(vhci.attach_line("0 FD 65538 3", kernels.as_fd()));
                results.push(vhci.detach("0"));
                results.push(vhci.wait_state(0, FREE).to_string());
            }
            Ok(results.join(" "))
        });
    });
}

/// Writes a text; what it comes to, and which ports are left in use.
fn matrix(text: &str) -> Outcome {
    let vhci = Vhci;
    let (half, ports) = (vhci.hub_ports(), vhci.ports());
    let text = text
        .replace("{ports}", &ports.to_string())
        .replace("{last}", &ports.saturating_sub(1).to_string())
        .replace("{second}", &(2 * half).to_string())
        .replace("{half+1}", &(half + 1).to_string())
        .replace("{half}", &half.to_string());
    let (_high, kernels) = wire::pair()?;
    vhci.attach_line("0 FD 65538 3", kernels.as_fd());
    let (_super, kernels) = wire::pair()?;
    vhci.attach_line(&format!("{half} FD 65538 5"), kernels.as_fd());
    let written = vhci.detach(&text);
    let expected = if written == "ok" { 1 } else { 2 };
    let in_use = || vhci.rows().iter().filter(|row| row.state != FREE).count();
    crate::limit::wait_until(|| in_use() == expected);
    let rows: Vec<String> = vhci
        .rows()
        .iter()
        .filter(|row| row.state != FREE)
        .map(|row| format!("{} {}", row.hub, row.port))
        .collect();
    vhci.clear();
    Ok(format!("{written}, left: {}", rows.join(", ")))
}
