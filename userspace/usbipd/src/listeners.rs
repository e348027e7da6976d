// SPDX-License-Identifier: GPL-2.0

//! Listening sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;

use log::{debug, error, info};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use usbip_logger::Reason;
use usbip_net::{listen, TcpPort};

use crate::options::Families;
use crate::stop::StopSignal;
use crate::{Reported, USBIPD};

/// Time between two signs of life in the debug output.
const HEARTBEAT: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// What a wait ended with.
#[derive(Debug)]
pub enum Event<'a> {
    /// Connections may wait on these sockets.
    Connections(Vec<&'a TcpListener>),
    /// Nothing happened for a while.
    Heartbeat,
    /// The process shall end.
    Stop,
}

/// One socket per address family.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
}

impl Listeners {
    /// Opens a socket for each family; one that fails is told and left out.
    ///
    /// # Errors
    /// When no socket is left; told.
    pub fn open(families: Families, port: &TcpPort) -> Result<Self, Reported> {
        let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port.number()));
        let ipv6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.number()));
        let addresses = match families {
            Families::Both => vec![ipv4, ipv6],
            Families::Ipv4 => vec![ipv4],
            Families::Ipv6 => vec![ipv6],
        };
        let sockets: Vec<_> = addresses.into_iter().filter_map(open).collect();
        if sockets.is_empty() {
            error!(target: USBIPD, "failed to open a listening socket");
            return Err(Reported);
        }
        let plural = if sockets.len() == 1 { "" } else { "es" };
        debug!(target: USBIPD, "listening on {} address{plural}", sockets.len());
        Ok(Self { sockets })
    }

    /// Waits for connections or the end.
    ///
    /// # Errors
    /// Those of `poll`.
    pub fn wait(&self, stop: &StopSignal) -> io::Result<Event<'_>> {
        let watched = self.sockets.iter().map(AsFd::as_fd);
        let mut fds: Vec<_> = std::iter::once(stop.as_fd())
            .chain(watched)
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, Some(&HEARTBEAT)) {
            // The signal that interrupted the wait shows in the next one.
            Err(rustix::io::Errno::INTR) => return Ok(Event::Heartbeat),
            result => result?,
        };
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        if ready.next() == Some(true) {
            return Ok(Event::Stop);
        }
        let sockets = self.sockets.iter().zip(ready);
        let waiting: Vec<_> = sockets
            .filter_map(|(socket, ready)| ready.then_some(socket))
            .collect();
        Ok(match waiting.is_empty() {
            true => Event::Heartbeat,
            false => Event::Connections(waiting),
        })
    }
}

fn open(address: SocketAddr) -> Option<TcpListener> {
    let text = spell(&address);
    debug!(target: USBIPD, "opening {text}");
    let opened = listen(address).and_then(|socket| match nonblocking(&socket) {
        Ok(actual) => Ok((socket, actual)),
        Err(error) => Err(("listen", error)),
    });
    match opened {
        Ok((socket, actual)) => {
            info!(target: USBIPD, "listening on {}", spell(&actual));
            Some(socket)
        }
        Err((call, error)) => {
            let number = error.raw_os_error().unwrap_or_default();
            let reason = Reason(&error);
            error!(target: USBIPD, "{call}: {text}: {number} ({reason})");
            None
        }
    }
}

/// A client may give up between `poll` and `accept`, which then must not wait for the next one.
fn nonblocking(socket: &TcpListener) -> io::Result<SocketAddr> {
    socket.set_nonblocking(true)?;
    socket.local_addr()
}

/// Address and port as C prints them, IPv6 without brackets.
pub fn spell(address: &SocketAddr) -> String {
    format!("{}:{}", address.ip(), address.port())
}
