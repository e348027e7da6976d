// SPDX-License-Identifier: GPL-2.0

//! Socket options.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{self, sockopt, AddressFamily, SocketFlags, SocketType};

/// Idle time before the first keepalive probe.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);

/// Time between keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Unanswered probes after which the peer is dead: 20 s + 6 * 5 s = 50 s.
const KEEPALIVE_COUNT: u32 = 6;

/// Longest time sent data may stay unacknowledged, in milliseconds. Keepalive does not probe while
/// data is in flight, and retransmission alone would go on for a quarter of an hour.
const UNACKNOWLEDGED_MS: u32 = 50_000;

/// Pending connections a listener may hold; the kernel cuts it to its own limit (`SOMAXCONN`).
const BACKLOG: i32 = 4096;

/// Makes a connection fit for the kernel: no delay, and a dead peer is found within a minute.
///
/// The URB phase has no heartbeat of its own, so this is what frees a device after its client died.
///
/// # Errors
/// Those of `setsockopt`.
pub fn tune(socket: impl AsFd) -> io::Result<()> {
    let socket = socket.as_fd();
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(socket, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, KEEPALIVE_COUNT)?;
    sockopt::set_tcp_user_timeout(socket, UNACKNOWLEDGED_MS)?;
    Ok(())
}

/// A new TCP socket for addresses of that family.
pub(crate) fn open(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    Ok(socket)
}

/// Opens a listening socket; an IPv6 one takes IPv6 clients only.
///
/// # Errors
/// Name of the failing call (`socket`, `bind`, `listen`) and its error.
pub fn listen(address: SocketAddr) -> Result<TcpListener, (&'static str, io::Error)> {
    let socket = open(&address).map_err(|error| ("socket", error))?;
    prepare_listener(&socket, &address).map_err(|error| ("socket", error))?;
    net::bind(&socket, &address).map_err(|error| ("bind", error.into()))?;
    net::listen(&socket, BACKLOG).map_err(|error| ("listen", error.into()))?;
    Ok(TcpListener::from(socket))
}

fn prepare_listener(socket: &OwnedFd, address: &SocketAddr) -> io::Result<()> {
    sockopt::set_socket_reuseaddr(socket, true)?;
    sockopt::set_tcp_nodelay(socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(socket, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    #[test]
    fn tuned_sockets_find_dead_peers_within_a_minute() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        tune(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let probes = sockopt::tcp_keepcnt(&stream).unwrap();
        let interval = sockopt::tcp_keepintvl(&stream).unwrap();
        let idle = sockopt::tcp_keepidle(&stream).unwrap();
        assert!(idle + interval * probes < Duration::from_secs(60));
        assert!(sockopt::tcp_user_timeout(&stream).unwrap() < 60_000);
    }

    #[test]
    fn failing_call_is_named() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (call, error) = listen(listener.local_addr().unwrap()).unwrap_err();
        assert_eq!((call, error.kind()), ("bind", io::ErrorKind::AddrInUse));
    }
}
