// SPDX-License-Identifier: GPL-2.0

//! Time limits. Every wait has one; an emulated machine stretches them all.

use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

static PATIENCE: OnceLock<f64> = OnceLock::new();

/// How long a check waits for something that is bound to happen.
pub const SOON: Duration = Duration::from_secs(5);

/// How long nothing must happen before a check believes that nothing will.
pub const QUIET: Duration = Duration::from_millis(150);

/// Sets the factor for all limits, once.
pub fn set_patience(factor: f64) {
    PATIENCE.get_or_init(|| factor);
}

/// A limit as it is on this machine.
pub fn stretched(limit: Duration) -> Duration {
    limit.mul_f64(PATIENCE.get().copied().unwrap_or(1.0))
}

/// Waits until a condition holds; returns whether it came to that.
pub fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + stretched(SOON);
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
    true
}

/// Lets pass the time after which nothing more is expected.
pub fn settle() {
    sleep(stretched(QUIET));
}
