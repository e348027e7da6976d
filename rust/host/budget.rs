// SPDX-License-Identifier: GPL-2.0

//! What a client may have the server hold for it.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// The bounds, which are the same for every client.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The most requests of one client that may be unanswered. A request over it is answered with
    /// `ENOMEM`, and that answer counts as well; twice as many end the connection.
    pub(crate) requests: usize,
    /// The most bytes of transfer buffers one client may have. A request over it is answered with
    /// `ENOMEM`.
    pub(crate) bytes: usize,
}

/// What one client has the server hold. Any context.
pub(crate) struct Budget {
    limits: Limits,
    requests: Atomic<usize>,
    bytes: Atomic<usize>,
}

/// What there is no room for.
pub(crate) enum Excess {
    /// The transfer.
    Transfer,
    /// So much as an answer.
    Answer,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            requests: Atomic::new(0),
            bytes: Atomic::new(0),
        }
    }

    /// Checks whether there is room for one more request with `bytes` of data. Requests are
    /// added where they are received, one after the other, so the answer stays true.
    pub(crate) fn check(&self, bytes: usize) -> Result<(), Excess> {
        let requests = self.requests.load(Relaxed);
        let room = self.limits.bytes.saturating_sub(self.bytes.load(Relaxed));
        if requests / 2 >= self.limits.requests {
            Err(Excess::Answer)
        } else if requests >= self.limits.requests || bytes > room {
            Err(Excess::Transfer)
        } else {
            Ok(())
        }
    }

    /// Enters a request with `bytes` of data.
    pub(crate) fn charge(&self, bytes: usize) {
        self.requests.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Takes a request out again.
    pub(crate) fn release(&self, bytes: usize) {
        self.requests.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

#[kernel::prelude::kunit_tests(usbip_host_budget)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        requests: 2,
        bytes: 100,
    };

    #[test]
    fn bytes_are_bounded() {
        let budget = Budget::new(LIMITS);
        assert!(budget.check(100).is_ok());
        assert!(matches!(budget.check(101), Err(Excess::Transfer)));
        assert!(matches!(budget.check(usize::MAX), Err(Excess::Transfer)));
        budget.charge(60);
        assert!(budget.check(40).is_ok());
        assert!(matches!(budget.check(41), Err(Excess::Transfer)));
        budget.release(60);
        assert!(budget.check(100).is_ok());
    }

    #[test]
    fn requests_are_bounded_then_answers() {
        let budget = Budget::new(LIMITS);
        for _ in 0..LIMITS.requests {
            assert!(budget.check(0).is_ok());
            budget.charge(0);
        }
        for _ in 0..LIMITS.requests {
            assert!(matches!(budget.check(0), Err(Excess::Transfer)));
            budget.charge(0);
        }
        assert!(matches!(budget.check(0), Err(Excess::Answer)));
        budget.release(0);
        assert!(matches!(budget.check(0), Err(Excess::Transfer)));
    }
}
