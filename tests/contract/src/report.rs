// SPDX-License-Identifier: GPL-2.0

//! The lines this program prints: one per check.

use crate::kind::{Kind, Role};
use crate::limit;
use crate::vhci::Vhci;
use std::error::Error;
use std::io::Write;
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// What a check found, or why it could not be carried out.
pub type Outcome = Result<String, Box<dyn Error + Send + Sync>>;

/// How long a check may take before it counts as hung.
const CHECK_LIMIT: Duration = Duration::from_secs(15);

/// Runs checks one after the other and prints what they find.
pub struct Report {
    /// Whose modules are checked.
    pub kind: Kind,
    skipped: Vec<String>,
}

impl Report {
    /// A report that leaves out the checks in `skipped`.
    pub fn new(kind: Kind, skipped: Vec<String>) -> Self {
        Self { kind, skipped }
    }

    /// Runs a check, unless it is to be skipped, and prints its outcome. One that hangs is left
    /// behind with every port detached, which is what ends most hangs.
    pub fn check(&mut self, id: &str, run: impl FnOnce() -> Outcome + Send + 'static) {
        if self.skipped.iter().any(|skipped| skipped == id) {
            return;
        }
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(run()));
        let outcome = match receiver.recv_timeout(limit::stretched(CHECK_LIMIT)) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => format!("error: {error}"),
            Err(RecvTimeoutError::Disconnected) => "panic".to_owned(),
            Err(RecvTimeoutError::Timeout) => {
                Vhci::new().detach_all();
                "timeout".to_owned()
            }
        };
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
