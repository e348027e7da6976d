// SPDX-License-Identifier: GPL-2.0

//! Pauses between attempts.

use std::time::{Duration, Instant};

/// Pause after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);

/// Longest pause after an event that promises success: many services may see the same event.
const SPREAD: Duration = Duration::from_millis(250);

/// An attachment that lasted that long was a success, whatever came then.
const SUCCESS: Duration = Duration::from_secs(10);

/// Counts failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses up to `max`.
    pub fn new(max: Duration) -> Self {
        Self { max, failures: 0 }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Pause after a failure. `random` is from 0 to 1: the pause is shortened by up to a half of
    /// it, so that clients of a server that comes back do not all come at once.
    pub fn failed(&mut self, random: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        doubled
            .min(self.max)
            .mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
    }

    /// Pause after the loss of an attachment that began at `since`.
    pub fn lost(&mut self, since: Instant, random: f64) -> Duration {
        match since.elapsed() >= SUCCESS {
            true => self.soon(random),
            false => self.failed(random),
        }
    }

    /// Pause after an event that promises success. The count starts again.
    pub fn soon(&mut self, random: f64) -> Duration {
        self.failures = 0;
        SPREAD.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(30);

    fn seconds(random: f64) -> Vec<f64> {
        let mut backoff = Backoff::new(MAX);
        (0..8)
            .map(|_| backoff.failed(random).as_secs_f64())
            .collect()
    }

    #[test]
    fn pauses_double_up_to_the_limit() {
        assert_eq!(seconds(0.0), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(seconds(1.0), [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]);
    }

    #[test]
    fn short_attachments_are_failures() {
        let mut backoff = Backoff::new(MAX);
        let now = Instant::now();
        let long_ago = now.checked_sub(SUCCESS * 2).unwrap();
        assert_eq!(backoff.lost(now, 0.0), Duration::from_secs(1));
        assert_eq!(backoff.lost(now, 0.0), Duration::from_secs(2));
        assert!(backoff.lost(long_ago, 1.0) <= SPREAD);
        assert_eq!(backoff.failures(), 0);
    }

    #[test]
    fn years_of_failures_do_no_harm() {
        let mut backoff = Backoff::new(MAX);
        backoff.failures = u32::MAX;
        assert_eq!(backoff.failed(0.0), MAX);
    }
}
