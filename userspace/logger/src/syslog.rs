// SPDX-License-Identifier: GPL-2.0

//! Local syslog, one datagram per line (RFC 3164, without the optional time stamp).

use std::os::unix::net::UnixDatagram;
use std::process;

use log::Level;

/// Socket of the local log daemon, `_PATH_LOG`.
const SOCKET_PATH: &str = "/dev/log";

/// `LOG_USER`, already shifted.
const FACILITY_USER: u8 = 1 << 3;

/// A connection to the local syslog, opened anew for each line so that a restart of the log
/// daemon loses nothing.
#[derive(Debug)]
pub struct Syslog {
    tag: String,
}

impl Syslog {
    /// Lines tagged with the process id only, as after `openlog("", LOG_PID, LOG_USER)`.
    pub fn with_pid() -> Self {
        Self {
            tag: format!("[{}]", process::id()),
        }
    }

    /// Lines tagged with a program name, the default of C.
    pub fn with_name(name: &str) -> Self {
        Self {
            tag: name.to_owned(),
        }
    }

    /// Sends one line; without a log daemon it is lost, as in C.
    pub fn send(&self, level: Level, line: &str) {
        if let Ok(socket) = UnixDatagram::unbound() {
            let _ = socket.send_to(self.datagram(level, line).as_bytes(), SOCKET_PATH);
        }
    }

    fn datagram(&self, level: Level, line: &str) -> String {
        let severity = match level {
            Level::Error | Level::Warn => 3,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        format!("<{}>{}: {line}", FACILITY_USER | severity, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagram_carries_priority_and_tag() {
        let syslog = Syslog::with_name("usbipd");
        assert_eq!(syslog.datagram(Level::Info, "text"), "<14>usbipd: text");
        assert_eq!(syslog.datagram(Level::Error, "text"), "<11>usbipd: text");
    }
}
