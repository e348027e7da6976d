// SPDX-License-Identifier: GPL-2.0

//! How long drivers have been waiting for URBs they have cancelled.

use kernel::time::{
    Delta,
    Instant,
    Monotonic, //
};

/// How long the peer may take to answer a CMD_UNLINK, or to send the data it has announced. Drivers
/// wait for a cancelled URB without a limit of their own, with locks held; the hung task detector
/// speaks up after 120 s.
const LIMIT: Delta = Delta::from_secs(30);

/// The cancelled URBs of one connection that have not come back, guarded by the port's lock.
#[derive(Default)]
pub(super) struct Patience {
    urbs: usize,
    /// When the first of them was cancelled, or the last one before them came back.
    since: Option<Instant<Monotonic>>,
}

impl Patience {
    /// A URB has been cancelled.
    pub(super) fn begin(&mut self) {
        self.urbs += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    /// A cancelled URB has come back.
    pub(super) fn end(&mut self) {
        self.urbs -= 1;
        self.since = (self.urbs > 0).then(Instant::now);
    }

    /// Whether there is anything to wait for.
    pub(super) fn is_tried(&self) -> bool {
        self.urbs > 0
    }

    /// Whether the peer has let a driver wait for longer than it should.
    pub(super) fn is_over(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() > LIMIT)
    }
}
