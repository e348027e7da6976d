// SPDX-License-Identifier: GPL-2.0

//! Detaches by hand, and whether they can have been for a port that has become free.
//!
//! The kernel tells that somebody wrote to its file `detach`, not for which port. `usbip detach`
//! also removes the record of its port: as many writes as records that went were for those ports.
//! A number written by hand leaves the record, and may have been for any port.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use usbip_sysfs::Port;

use crate::phase::{DETACH_GRACE, TEARDOWN};

/// Time the kernel takes to tell of a write of our own.
const ECHO: Duration = Duration::from_secs(1);

/// How long a detach matters, with time to spare.
const MEMORY: Duration = TEARDOWN.saturating_add(DETACH_GRACE).saturating_mul(2);

/// The last ones.
#[derive(Debug, Default)]
pub struct Detaches {
    /// Last write of this service.
    ours: Option<Instant>,
    /// Writes of others.
    theirs: Vec<Instant>,
    /// When others removed a record.
    removals: Vec<Instant>,
    /// Ports whose records this service has removed, until it is told so.
    cleared: HashSet<Port>,
}

impl Detaches {
    /// To be called before this service writes.
    pub fn clearing(&mut self) {
        self.ours = Some(Instant::now());
    }

    /// Somebody has written.
    pub fn written(&mut self) {
        if self.ours.is_none_or(|ours| ours.elapsed() > ECHO) {
            note(&mut self.theirs);
        }
    }

    /// To be called before this service removes a record.
    pub fn removing(&mut self, port: Port) {
        self.cleared.insert(port);
    }

    /// The record of a port was removed.
    pub fn removed(&mut self, port: Port) {
        if !self.cleared.remove(&port) {
            note(&mut self.removals);
        }
    }

    /// Whether somebody else has written since then without removing a record.
    pub fn any_since(&self, since: Instant) -> bool {
        let count = |times: &[Instant]| times.iter().filter(|time| **time >= since).count();
        count(&self.theirs) > count(&self.removals)
    }
}

fn note(times: &mut Vec<Instant>) {
    times.retain(|time| time.elapsed() < MEMORY);
    times.push(Instant::now());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_went_accounts_for_one_write() {
        let start = Instant::now();
        let mut detaches = Detaches::default();
        // Debian's tool removes the record first, ours afterwards.
        detaches.removed(Port(3));
        detaches.written();
        detaches.written();
        detaches.removed(Port(4));
        assert!(!detaches.any_since(start));
        detaches.written();
        assert!(detaches.any_since(start));
        assert!(!detaches.any_since(Instant::now()));
    }

    #[test]
    fn what_the_service_does_itself_is_no_detach() {
        let start = Instant::now();
        let mut detaches = Detaches::default();
        detaches.written();
        detaches.removing(Port(3));
        detaches.removed(Port(3));
        assert!(detaches.any_since(start));
        detaches.clearing();
        detaches.removed(Port(3));
        detaches.written();
        assert!(!detaches.any_since(start));
    }
}
