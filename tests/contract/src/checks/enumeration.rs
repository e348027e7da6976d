// SPDX-License-Identifier: GPL-2.0

//! What goes over the wire while a device is enumerated.

use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::log::Log;
use crate::pdu::Pdu;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use std::collections::BTreeSet;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("enumeration", &[Role::Vhci], |report| {
        // First, for the numbers of a hub begin with its first device.
        report.check("enumeration.first-seqnums", first_seqnums);
        // Each on a port of its own: C's remember the speed of the last device.
        for (name, speed, port) in [
            ("low", Speed::Low, 1),
            ("full", Speed::Full, 2),
            ("high", Speed::High, 3),
            ("wireless", Speed::Wireless, 4),
            ("super", Speed::Super, 1),
            ("super-plus", Speed::SuperPlus, 2),
        ] {
            report.check(&format!("enumeration.{name}"), move || {
                transcript(speed, port)
            });
        }
        report.check("enumeration.shared-seqnums", shared_seqnums);
        report.check("enumeration.no-set-address", no_set_address);
        report.check("enumeration.errors-full", || errors(Speed::Full));
        report.check("enumeration.errors-high", || errors(Speed::High));
    });
}

/// All requests of an enumeration.
fn transcript(speed: Speed, port: u32) -> Outcome {
    let import = Import::configured_at(speed, port)?;
    limit::settle();
    let seen = import.server.seen();
    let first = seen.first().map(Pdu::seqnum).unwrap_or_default();
    let lines: Vec<String> = seen.iter().map(|pdu| pdu.text(first)).collect();
    Ok(lines.join("; "))
}

fn first_seqnums() -> Outcome {
    let mut firsts = Vec::new();
    for speed in [Speed::High, Speed::Super] {
        let import = Import::configured(speed)?;
        let numbers: Vec<String> = import
            .server
            .seen()
            .iter()
            .map(|pdu| pdu.seqnum().to_string())
            .collect();
        firsts.push(numbers[..3.min(numbers.len())].join(" "));
    }
    Ok(firsts.join("; "))
}

/// Two devices of one hub share its numbers: no number twice, none left out.
fn shared_seqnums() -> Outcome {
    let first = Import::attach(Speed::High, 5)?;
    let second = Import::attach(Speed::High, 6)?;
    let both = first.wait_configured() && second.wait_configured();
    limit::settle();
    let seen = [first.server.seen(), second.server.seen()].concat();
    let numbers: BTreeSet<u32> = seen.iter().map(Pdu::seqnum).collect();
    let span = numbers
        .last()
        .zip(numbers.first())
        .map(|(last, first)| last - first + 1);
    let gapless = span.is_some_and(|span| usize::try_from(span) == Ok(seen.len()));
    Ok(format!(
        "configured: {both}, unique: {}, gapless: {gapless}",
        numbers.len() == seen.len()
    ))
}

fn no_set_address() -> Outcome {
    let mut found = Vec::new();
    for speed in [Speed::Low, Speed::Full, Speed::High, Speed::Super] {
        let import = Import::configured(speed)?;
        let seen = import.server.seen();
        let addressing = seen
            .iter()
            .filter_map(Pdu::submit)
            .filter(|submit| submit.setup[1] == 5);
        found.push(addressing.count());
    }
    Ok(format!("{found:?}"))
}

/// The errors the driver finds in an honest device.
fn errors(speed: Speed) -> Outcome {
    let log = Log::from_now()?;
    drop(Import::configured_at(speed, 7)?);
    let mut errors = log.errors("vhci_hcd.0")?;
    errors.dedup();
    Ok(format!("{errors:?}"))
}
