// SPDX-License-Identifier: GPL-2.0

//! Socket options.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{self, sockopt, AddressFamily, SocketFlags, SocketType};

use crate::DeadPeerLimit;

/// Pending connections a listener may hold; the kernel cuts it to its own limit (`SOMAXCONN`).
const BACKLOG: i32 = 4096;

/// Makes a connection fit for the kernel: no delay, and a dead peer is found.
///
/// # Errors
/// Those of `setsockopt`.
pub fn tune(socket: impl AsFd) -> io::Result<()> {
    let socket = socket.as_fd();
    sockopt::set_tcp_nodelay(socket, true)?;
    DeadPeerLimit::default().apply(socket)
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
    let socket = open_listener(&address).map_err(|error| ("socket", error))?;
    start_listening(socket, &address)
}

/// The same on an address the machine need not have yet: clients get in as soon as it has.
///
/// # Errors
/// As of [`listen`].
pub fn listen_ahead(address: SocketAddr) -> Result<TcpListener, (&'static str, io::Error)> {
    let socket = open_listener(&address).map_err(|error| ("socket", error))?;
    let freed = match address {
        SocketAddr::V4(_) => sockopt::set_ip_freebind(&socket, true),
        SocketAddr::V6(_) => sockopt::set_ipv6_freebind(&socket, true),
    };
    freed.map_err(|error| ("socket", error.into()))?;
    start_listening(socket, &address)
}

fn open_listener(address: &SocketAddr) -> io::Result<OwnedFd> {
    let socket = open(address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

fn start_listening(
    socket: OwnedFd,
    address: &SocketAddr,
) -> Result<TcpListener, (&'static str, io::Error)> {
    net::bind(&socket, address).map_err(|error| ("bind", error.into()))?;
    net::listen(&socket, BACKLOG).map_err(|error| ("listen", error.into()))?;
    Ok(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn failing_call_is_named() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (call, error) = listen(listener.local_addr().unwrap()).unwrap_err();
        assert_eq!((call, error.kind()), ("bind", io::ErrorKind::AddrInUse));
    }

    #[test]
    fn an_address_need_not_be_there_yet() {
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let address = SocketAddr::new(ip.parse().unwrap(), 0);
            let (call, error) = listen(address).unwrap_err();
            assert_eq!(
                (call, error.kind()),
                ("bind", io::ErrorKind::AddrNotAvailable)
            );
            let listener = listen_ahead(address).unwrap();
            assert_eq!(listener.local_addr().unwrap().ip(), address.ip());
        }
    }
}
