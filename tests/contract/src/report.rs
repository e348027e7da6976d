// SPDX-License-Identifier: GPL-2.0

//! The lines this program prints: one per check.

use crate::kind::{Kind, Role};
use crate::vhci::Vhci;
use crate::{lane, limit};
use std::error::Error;
use std::io::Write;
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What a check found, or why it could not be carried out.
pub type Outcome = Result<String, Box<dyn Error + Send + Sync>>;

type Run = Box<dyn FnOnce() -> Outcome + Send>;

/// How long a check may take before it counts as hung.
const CHECK_LIMIT: Duration = Duration::from_secs(15);

/// Runs checks and prints what they find.
pub struct Report {
    /// Whose modules are checked.
    pub kind: Kind,
    skipped: Vec<String>,
    /// The checks to be run side by side.
    waiting: Option<Vec<(String, Run)>>,
}

impl Report {
    /// A report that leaves out the checks in `skipped`.
    pub fn new(kind: Kind, skipped: Vec<String>) -> Self {
        Self {
            kind,
            skipped,
            waiting: None,
        }
    }

    /// Runs a check, unless it is to be skipped, and prints its outcome.
    pub fn check(&mut self, id: &str, run: impl FnOnce() -> Outcome + Send + 'static) {
        if self.skipped.iter().any(|skipped| skipped == id) {
            return;
        }
        match &mut self.waiting {
            Some(waiting) => waiting.push((id.to_owned(), Box::new(run))),
            None => carry_out(id, lane::current(), Box::new(run)),
        }
    }

    /// Runs the checks that `checks` asks for side by side: each must do with what its lane has.
    pub fn side_by_side(&mut self, checks: impl FnOnce(&mut Self)) {
        self.waiting = Some(Vec::new());
        checks(self);
        let waiting = self.waiting.take().unwrap_or_default().into_iter();
        let waiting = &Mutex::new(waiting);
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next()
        };
        thread::scope(|scope| {
            for lane in 0..lane::COUNT {
                scope.spawn(move || {
                    while let Some((id, run)) = next() {
                        carry_out(&id, lane, run);
                    }
                });
            }
        });
    }

    /// Has modules loaded while `checks` run; both are checks of their own in `group`.
    pub fn with_modules(&mut self, group: &str, roles: &'static [Role], checks: fn(&mut Self)) {
        let kind = self.kind;
        self.check(&format!("{group}.load"), move || {
            let results = roles.iter().map(|role| kind.load(*role));
            Ok(results.collect::<Vec<_>>().join(" "))
        });
        checks(self);
        self.check(&format!("{group}.unload"), move || {
            Ok(kind.unload_all().replace("_rs", ""))
        });
    }
}

/// Runs a check in a lane and prints its outcome. One that hangs is left behind with every port
/// detached, which is what ends most hangs.
fn carry_out(id: &str, lane: u32, run: Run) {
    let (sender, receiver) = channel();
    let begin = Instant::now();
    thread::spawn(move || {
        lane::enter(lane);
        sender.send(run())
    });
    let outcome = match receiver.recv_timeout(limit::stretched(CHECK_LIMIT)) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => format!("error: {error}"),
        Err(RecvTimeoutError::Disconnected) => "panic".to_owned(),
        Err(RecvTimeoutError::Timeout) => {
            Vhci.detach_all();
            "timeout".to_owned()
        }
    };
    print(id, &outcome, begin.elapsed());
}

/// Prints an outcome, and on the other stream how long it took.
fn print(id: &str, outcome: &str, took: Duration) {
    eprintln!("{:7.2} {id}", took.as_secs_f32());
    let line = format!("{id}\t{}\n", outcome.replace(['\t', '\n'], " "));
    let mut out = std::io::stdout().lock();
    if out
        .write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        std::process::exit(1);
    }
}
