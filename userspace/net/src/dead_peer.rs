// SPDX-License-Identifier: GPL-2.0

//! Finding out that a peer is gone.
//!
//! The URB phase has no heartbeat of its own, so what is set here is all that frees a device after
//! its client died, and all that tells a client that its server did.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::{sockopt, AddressFamily};
use serde::Deserialize;
use thiserror::Error;

/// Shortest and longest limit, in seconds.
const RANGE: std::ops::RangeInclusive<u32> = 5..=3600;

/// Limit unless told otherwise, in seconds: longer than a hiccup of the network, shorter than
/// anybody's patience.
const DEFAULT: u32 = 15;

/// Keepalive probes that fit into the limit. The first is sent when two fifths of it have passed in
/// silence, the others follow after a fifth each.
const PROBES: u32 = 3;

/// How long a peer may be silent, or leave data unacknowledged, before the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct DeadPeerLimit {
    seconds: u32,
}

/// The limit is too short or too long.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "{0} s is no limit for silent peers: give {start} to {end} seconds",
    start = RANGE.start(),
    end = RANGE.end()
)]
pub struct InvalidLimit(u32);

impl DeadPeerLimit {
    /// Makes the connection end when its peer has been silent that long. Sockets other than TCP
    /// need nothing: their peer cannot vanish without a word.
    ///
    /// # Errors
    /// Those of `setsockopt`.
    pub fn apply(self, socket: impl AsFd) -> io::Result<()> {
        let socket = socket.as_fd();
        let domain = sockopt::socket_domain(socket)?;
        if domain != AddressFamily::INET && domain != AddressFamily::INET6 {
            return Ok(());
        }
        let fifth = Duration::from_secs(u64::from(self.seconds / (PROBES + 2)));
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, fifth * 2)?;
        sockopt::set_tcp_keepintvl(socket, fifth)?;
        sockopt::set_tcp_keepcnt(socket, PROBES)?;
        // Keepalive does not probe while data is in flight, and retransmission alone would go on
        // for a quarter of an hour.
        sockopt::set_tcp_user_timeout(socket, self.seconds * 1000)?;
        Ok(())
    }
}

impl Default for DeadPeerLimit {
    fn default() -> Self {
        Self { seconds: DEFAULT }
    }
}

impl TryFrom<u32> for DeadPeerLimit {
    type Error = InvalidLimit;

    fn try_from(seconds: u32) -> Result<Self, InvalidLimit> {
        match RANGE.contains(&seconds) {
            true => Ok(Self { seconds }),
            false => Err(InvalidLimit(seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    fn connection() -> TcpStream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    #[test]
    fn every_limit_is_kept_idle_and_busy() {
        for seconds in [*RANGE.start(), 7, DEFAULT, *RANGE.end()] {
            let stream = connection();
            DeadPeerLimit::try_from(seconds)
                .unwrap()
                .apply(&stream)
                .unwrap();
            assert!(sockopt::socket_keepalive(&stream).unwrap());
            let probes = sockopt::tcp_keepcnt(&stream).unwrap();
            let interval = sockopt::tcp_keepintvl(&stream).unwrap();
            let idle = sockopt::tcp_keepidle(&stream).unwrap();
            let limit = Duration::from_secs(u64::from(seconds));
            let found = idle + interval * probes;
            assert!(found <= limit && found * 2 > limit, "{seconds}: {found:?}");
            let busy = Duration::from_millis(sockopt::tcp_user_timeout(&stream).unwrap().into());
            assert_eq!(busy, limit);
        }
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for seconds in [0, 4, 3601] {
            let error = DeadPeerLimit::try_from(seconds).unwrap_err();
            assert!(
                error.to_string().contains("give 5 to 3600 seconds"),
                "{error}"
            );
        }
    }

    #[test]
    fn local_sockets_are_left_alone() {
        let (end, _other) = UnixStream::pair().unwrap();
        DeadPeerLimit::default().apply(&end).unwrap();
        assert!(!sockopt::socket_keepalive(&end).unwrap());
    }
}
