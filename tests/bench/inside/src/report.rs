// SPDX-License-Identifier: GPL-2.0

//! Results, one line each, for `../../bench/outcome.py`.

use crate::window::Window;
use std::io::{self, Write};
use std::time::Duration;

/// Writes the result of transfers. Times are in nanoseconds.
pub fn window(label: &str, window: &Window) -> io::Result<()> {
    let mut sorted = window.latencies.clone();
    sorted.sort_unstable();
    let at = |percent: usize| sorted[sorted.len() * percent / 100].as_nanos();
    let intervals = Intervals::of(&window.ends);
    let counters = window.counters;
    line(&format!(
        "window label={label} urbs={} bytes={} failed={} elapsed={} p50={} p99={} \
         interval_mean={:.1} interval_deviation={:.1} interval_min={:.0} interval_max={:.0} \
         all_urbs={} switches={} segments={} wire_bytes={}",
        sorted.len(),
        window.bytes,
        window.failed,
        window.elapsed.as_nanos(),
        at(50),
        at(99),
        intervals.mean,
        intervals.deviation,
        intervals.min,
        intervals.max,
        window.counted,
        counters.switches,
        counters.segments,
        counters.wire_bytes,
    ))
}

/// Writes the result of other work, which has so many units.
pub fn work(label: &str, units: usize, bytes: usize, elapsed: Duration) -> io::Result<()> {
    let elapsed = elapsed.as_nanos();
    line(&format!(
        "window label={label} urbs={units} bytes={bytes} elapsed={elapsed}"
    ))
}

/// Writes a line, and waits until it is out: what a serial port still has to do would be measured
/// next.
fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    out.flush()?;
    if rustix::termios::isatty(&out) {
        rustix::termios::tcdrain(&out)?;
    }
    Ok(())
}

/// The times from the end of a transfer to the end of the next.
struct Intervals {
    mean: f64,
    deviation: f64,
    min: f64,
    max: f64,
}

impl Intervals {
    fn of(ends: &[Duration]) -> Self {
        let pairs = ends.windows(2).map(|pair| pair[1] - pair[0]);
        let intervals: Vec<f64> = pairs.map(|interval| interval.as_nanos() as f64).collect();
        let count = intervals.len().max(1) as f64;
        let mean = intervals.iter().sum::<f64>() / count;
        let squares: f64 = intervals
            .iter()
            .map(|interval| (interval - mean).powi(2))
            .sum();
        Self {
            mean,
            deviation: (squares / count).sqrt(),
            min: intervals.iter().copied().fold(f64::INFINITY, f64::min),
            max: intervals.iter().copied().fold(0.0, f64::max),
        }
    }
}
