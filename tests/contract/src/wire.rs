// SPDX-License-Identifier: GPL-2.0

//! Connections with both ends on this machine.

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

static KIND: OnceLock<Wire> = OnceLock::new();

/// What a connection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A pair of sockets, which lose nothing and wait for nobody.
    Unix,
    /// TCP over the loopback interface.
    Tcp,
}

impl Wire {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "unix" => Some(Self::Unix),
            "tcp" => Some(Self::Tcp),
            _ => None,
        }
    }

    /// Has all connections to come be of this kind, once.
    pub fn choose(self) {
        KIND.get_or_init(|| self);
    }

    /// Both ends of a new connection of this kind.
    ///
    /// What is done with an end is the same for both kinds, so they have the same type.
    pub fn connect(self) -> io::Result<(UnixStream, UnixStream)> {
        match self {
            Self::Unix => UnixStream::pair(),
            Self::Tcp => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                let one = TcpStream::connect(listener.local_addr()?)?;
                let (other, _) = listener.accept()?;
                Ok((stream(one)?, stream(other)?))
            }
        }
    }
}

/// Room for so many bytes, as in a pair of sockets: left to itself TCP finds room for megabytes.
const BUFFER: usize = 212_992;

fn stream(socket: TcpStream) -> io::Result<UnixStream> {
    socket.set_nodelay(true)?;
    set_socket_send_buffer_size(&socket, BUFFER)?;
    set_socket_recv_buffer_size(&socket, BUFFER)?;
    Ok(OwnedFd::from(socket).into())
}

/// Both ends of a new connection of the chosen kind.
pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
    KIND.get().copied().unwrap_or(Wire::Unix).connect()
}
