// SPDX-License-Identifier: GPL-2.0

//! A connection, both ends of which are here: one for a driver, one to be its peer.

use rustix::net::{sockopt, AddressFamily, SocketFlags, SocketType};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Enough for all that waits at any depth.
const BUFFER: usize = 4 << 20;

/// Makes a connection of a kind, `unix` or `tcp`. The second end is the driver's.
pub fn connect(kind: &str) -> io::Result<(File, OwnedFd)> {
    let (ours, drivers) = match kind {
        "unix" => unix()?,
        "tcp" => tcp()?,
        other => {
            return Err(io::Error::other(format!(
                "'{other}' is neither unix nor tcp"
            )))
        }
    };
    Ok((File::from(ours), drivers))
}

fn unix() -> io::Result<(OwnedFd, OwnedFd)> {
    let pair = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    for end in [&pair.0, &pair.1] {
        sockopt::set_socket_send_buffer_size_force(end, BUFFER)?;
        sockopt::set_socket_recv_buffer_size_force(end, BUFFER)?;
    }
    Ok(pair)
}

/// With the options the tools set on their connections.
fn tcp() -> io::Result<(OwnedFd, OwnedFd)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    let (drivers, _) = listener.accept()?;
    for end in [&ours, &drivers] {
        end.set_nodelay(true)?;
        sockopt::set_socket_keepalive(end, true)?;
    }
    Ok((ours.into(), drivers.into()))
}
