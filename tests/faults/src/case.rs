// SPDX-License-Identifier: GPL-2.0

//! An operation, and all its allocations failing one after the other.

use crate::fault::{Fault, Injector, Tasks};
use std::collections::BTreeMap;
use std::{fs, io};

/// More allocations than any operation has.
const MAX: u32 = 2000;
/// Nobody answers, or nothing ends: never the right outcome.
const HANGS: [&str; 2] = ["silence", "pending"];

/// A driver and its peer.
pub trait Bench {
    /// An honest peer is served.
    fn check(&mut self) -> io::Result<()>;
}

/// An operation of a side, and what does it.
pub struct Case<B> {
    name: &'static str,
    by: &'static str,
    tasks: Tasks,
    honest: &'static str,
    act: fn(&mut B, &Fault) -> io::Result<String>,
}

impl<B> Case<B> {
    /// An operation: its name, who allocates, for the reader and for the kernel, what comes of it
    /// when nothing fails, and what does it.
    pub const fn new(
        name: &'static str,
        by: &'static str,
        tasks: Tasks,
        honest: &'static str,
        act: fn(&mut B, &Fault) -> io::Result<String>,
    ) -> Self {
        Self {
            name,
            by,
            tasks,
            honest,
            act,
        }
    }
}

/// Sweeps the operations with this in their name.
pub fn sweep_all<B: Bench>(
    bench: &mut B,
    cases: &[Case<B>],
    name: &str,
    injector: &Injector,
) -> io::Result<()> {
    for case in cases.iter().filter(|case| case.name.contains(name)) {
        let (faults, outcomes) = sweep(bench, case, injector)?;
        print_row(case.name, case.by, faults, &outcomes);
    }
    Ok(())
}

/// A line of the table.
pub fn print_row(name: &str, by: &str, faults: u32, outcomes: &BTreeMap<String, u32>) {
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    let outcomes = outcomes.join("; ");
    println!("{name}\t{by}\t{faults}\t{outcomes}");
    // So that the log tells how far it was when something went wrong.
    let _ = fs::write(
        "/dev/kmsg",
        format!("<6>faults: {name} by {by}: {faults}, {outcomes}\n"),
    );
}

fn sweep<B: Bench>(
    bench: &mut B,
    case: &Case<B>,
    injector: &Injector,
) -> io::Result<(u32, BTreeMap<String, u32>)> {
    let (mut faults, mut outcomes) = (0, BTreeMap::new());
    for nth in 1..MAX {
        let place = |error: io::Error| {
            io::Error::other(format!("{} by {}, {nth}: {error}", case.name, case.by))
        };
        let fault = injector.nth(case.tasks, nth);
        let outcome = (case.act)(bench, &fault).map_err(place)?;
        bench.check().map_err(place)?;
        if HANGS.iter().any(|hang| outcome.contains(hang)) {
            return Err(place(io::Error::other(outcome)));
        }
        if fault.injected() > 0 {
            faults += fault.injected();
            *outcomes.entry(outcome).or_insert(0) += 1;
        } else if outcome == case.honest {
            return Ok((faults, outcomes));
        } else {
            let text = format!("nothing failed, and yet: {outcome}");
            return Err(place(io::Error::other(text)));
        }
    }
    Err(io::Error::other(format!("{} has no end", case.name)))
}
