// SPDX-License-Identifier: GPL-2.0

//! Sink for the `log` facade that writes the lines scripts know from usbip-utils.
//!
//! The target of a record is the program name of the C source file the message comes from
//! (`usbip`, `usbipd` or `libusbip`), the level is its kind: `usbip: error: tcp connect`.

#![forbid(unsafe_code)]

mod reason;
mod syslog;

pub use reason::Reason;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use log::{Level, LevelFilter, Log, Metadata, Record};

use syslog::Syslog;

static LOGGER: Logger = Logger {
    syslog: OnceLock::new(),
    stderr: AtomicBool::new(true),
};

struct Logger {
    syslog: OnceLock<Syslog>,
    stderr: AtomicBool,
}

/// Starts logging to stderr; with `debug` also the debug lines. Later calls only change `debug`.
pub fn init(debug: bool) {
    // A second registration fails and leaves the first, which is this same logger.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(if debug {
        LevelFilter::Debug
    } else {
        LevelFilter::Info
    });
}

/// Also sends every line to the local syslog, as `usbip --log` does: process id, no name.
pub fn add_syslog() {
    let _ = LOGGER.syslog.set(Syslog::with_pid());
}

/// Moves logging from stderr to syslog under `name`, for a daemon that has lost its stderr.
pub fn switch_to_syslog(name: &str) {
    let _ = LOGGER.syslog.set(Syslog::with_name(name));
    LOGGER.stderr.store(false, Ordering::Relaxed);
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().contains("usbip")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = format_line(record);
        if let Some(syslog) = self.syslog.get() {
            syslog.send(record.level(), &line);
        }
        if self.stderr.load(Ordering::Relaxed) {
            // Nobody can be told that stderr is gone.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    fn flush(&self) {}
}

/// One line without its newline: `<target>: <kind>: <text>`.
fn format_line(record: &Record<'_>) -> String {
    let target = record.target();
    let text = record.args();
    match record.level() {
        Level::Error | Level::Warn => format!("{target}: error: {text}"),
        Level::Info => format!("{target}: info: {text}"),
        Level::Debug | Level::Trace => {
            let file = record.file().unwrap_or("?");
            let line = record.line().unwrap_or(0);
            let module = record.module_path().unwrap_or("?");
            format!("{target}: debug: {file}:{line}:[{module}] {text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level) -> String {
        format_line(
            &Record::builder()
                .level(level)
                .target("libusbip")
                .file(Some("vhci.rs"))
                .line(Some(7))
                .module_path(Some("sysfs::vhci"))
                .args(format_args!("fopen"))
                .build(),
        )
    }

    #[test]
    fn lines_look_like_those_of_c() {
        assert_eq!(line(Level::Error), "libusbip: error: fopen");
        assert_eq!(line(Level::Info), "libusbip: info: fopen");
        assert_eq!(
            line(Level::Debug),
            "libusbip: debug: vhci.rs:7:[sysfs::vhci] fopen"
        );
    }
}
