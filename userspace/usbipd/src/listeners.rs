// SPDX-License-Identifier: GPL-2.0

//! Listening sockets.

use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use listenfd::ListenFd;
use log::{debug, error, info, warn};
use socket2::{Domain, SockAddr, Socket, Type};
use usbip_logger::Reason;
use usbip_net::{listen, listen_ahead};

use crate::address::Endpoint;
use crate::peer::Peer;
use crate::{Reported, USBIPD};

/// Pending connections of a socket that is not TCP.
const BACKLOG: i32 = 4096;

/// Mode of a socket file: connecting means using the devices, which is for root to give away.
const SOCKET_MODE: u32 = 0o660;

/// Address families a socket from systemd may have.
const FAMILIES: [Domain; 4] = [Domain::IPV4, Domain::IPV6, Domain::UNIX, Domain::VSOCK];

/// A listening socket; one that is a file we made is removed when dropped.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// Where it was opened; `None` for one that systemd opened.
    endpoint: Option<Endpoint>,
}

/// The sockets clients connect to.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<Listener>,
}

impl Listeners {
    /// Takes the sockets that systemd has opened for this process, if any.
    pub fn inherit() -> Self {
        let mut inherited = ListenFd::from_env();
        let sockets = (0..inherited.len()).filter_map(|index| take(&mut inherited, index));
        Self {
            sockets: sockets.collect(),
        }
    }

    /// Whether systemd has opened any.
    pub fn has_inherited(&self) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.any(|listener| listener.endpoint.is_none())
    }

    /// Where systemd has opened a TCP socket, if it has.
    pub fn inherited_tcp(&self) -> Option<SocketAddr> {
        let sockets = self.sockets.iter();
        let mut inherited = sockets.filter(|listener| listener.endpoint.is_none());
        inherited.find_map(|listener| listener.socket.local_addr().ok()?.as_socket())
    }

    /// Opens a socket for each endpoint that has none yet and closes those that are no longer
    /// wanted. Sockets of systemd stay. One that fails is told and left out.
    ///
    /// # Errors
    /// When no socket would be left; told. Everything is as before then.
    pub fn listen_on(&mut self, endpoints: Vec<Endpoint>) -> Result<(), Reported> {
        let sockets = self.sockets.iter();
        let before = sockets.filter_map(|listener| listener.endpoint.clone());
        let before: Vec<_> = before.collect();
        self.open_exactly(endpoints);
        if self.sockets.is_empty() {
            error!(target: USBIPD, "failed to open a listening socket");
            self.open_exactly(before);
            return Err(Reported);
        }
        let plural = if self.sockets.len() == 1 { "" } else { "es" };
        debug!(target: USBIPD, "listening on {} address{plural}", self.sockets.len());
        Ok(())
    }

    /// Closing goes first: what is to be opened may overlap with it.
    fn open_exactly(&mut self, endpoints: Vec<Endpoint>) {
        self.sockets
            .retain(|listener| listener.is_wanted(&endpoints));
        for endpoint in endpoints {
            let present = Some(&endpoint);
            let mut sockets = self.sockets.iter();
            if !sockets.any(|listener| listener.endpoint.as_ref() == present) {
                self.sockets.extend(open(endpoint));
            }
        }
    }

    /// The sockets.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.sockets.iter()
    }
}

impl Listener {
    /// The next connection. Its type is that of TCP streams whatever the family is: reading,
    /// writing, time limits and shutting down are the same for all.
    ///
    /// # Errors
    /// Those of `accept`; [`io::ErrorKind::WouldBlock`] when the client has given up already.
    pub fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (socket, address) = self.socket.accept()?;
        Ok((OwnedFd::from(socket).into(), Peer::new(address)))
    }

    fn is_wanted(&self, endpoints: &[Endpoint]) -> bool {
        let endpoint = self.endpoint.as_ref();
        endpoint.is_none_or(|endpoint| endpoints.contains(endpoint))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(Endpoint::Unix(path)) = &self.endpoint {
            // Somebody else removed it: that is what was wanted.
            let _ = fs::remove_file(path);
        }
    }
}

fn take(inherited: &mut ListenFd, index: usize) -> Option<Listener> {
    let kind = Type::STREAM.into();
    let mut taken = FAMILIES.iter().filter_map(|family| {
        let family = (*family).into();
        inherited
            .take_custom::<Socket>(index, family, kind, "stream socket")
            .ok()?
    });
    let Some(socket) = taken.next() else {
        error!(target: USBIPD, "socket number {index} of systemd is no stream socket, leaving it alone");
        return None;
    };
    if let Err(error) = socket.set_nonblocking(true) {
        error!(target: USBIPD, "socket number {index} of systemd: {}", Reason(&error));
        return None;
    }
    let place = socket
        .local_addr()
        .map(|address| Peer::new(address).to_string());
    info!(target: USBIPD, "listening on {} (socket of systemd)", place.unwrap_or_default());
    Some(Listener {
        socket,
        endpoint: None,
    })
}

fn open(endpoint: Endpoint) -> Option<Listener> {
    debug!(target: USBIPD, "opening {endpoint}");
    match bind(&endpoint) {
        Ok((socket, actual)) => {
            info!(target: USBIPD, "listening on {actual}");
            Some(Listener {
                socket,
                endpoint: Some(endpoint),
            })
        }
        Err((call, error)) => {
            let number = error.raw_os_error().unwrap_or_default();
            let reason = Reason(&error);
            error!(target: USBIPD, "{call}: {endpoint}: {number} ({reason})");
            None
        }
    }
}

/// A listening socket and where it really is; or the call that failed.
fn bind(endpoint: &Endpoint) -> Result<(Socket, Endpoint), (&'static str, io::Error)> {
    let socket = match endpoint {
        Endpoint::Tcp(address) => OwnedFd::from(bind_tcp(endpoint, *address)?).into(),
        Endpoint::Unix(path) => {
            remove_stale(path);
            let address = SockAddr::unix(path).map_err(|error| ("bind", error))?;
            let socket = bind_local(Domain::UNIX, &address)?;
            let mode = Permissions::from_mode(SOCKET_MODE);
            fs::set_permissions(path, mode).map_err(|error| ("chmod", error))?;
            socket
        }
        Endpoint::Vsock { cid, port } => bind_local(Domain::VSOCK, &SockAddr::vsock(*cid, *port))?,
    };
    // A client may give up between `poll` and `accept`, which then must not wait for the next one.
    let ready = |error| ("listen", error);
    socket.set_nonblocking(true).map_err(ready)?;
    let actual = match socket.local_addr().map_err(ready)?.as_socket() {
        Some(address) => Endpoint::Tcp(address),
        None => endpoint.clone(),
    };
    Ok((socket, actual))
}

/// At boot the network may give the machine its addresses later than the daemon is started. One with
/// a typing error looks the same.
fn bind_tcp(
    endpoint: &Endpoint,
    address: SocketAddr,
) -> Result<TcpListener, (&'static str, io::Error)> {
    listen(address).or_else(|(call, error)| match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            warn!(target: USBIPD, "{endpoint}: no interface has this address yet, clients get in once one has");
            listen_ahead(address)
        }
        _ => Err((call, error)),
    })
}

fn bind_local(family: Domain, address: &SockAddr) -> Result<Socket, (&'static str, io::Error)> {
    let socket = Socket::new(family, Type::STREAM, None).map_err(|error| ("socket", error))?;
    socket.bind(address).map_err(|error| ("bind", error))?;
    socket.listen(BACKLOG).map_err(|error| ("listen", error))?;
    Ok(socket)
}

/// Removes the file of a daemon that did not live to do it. One that answers is left alone, and
/// `bind` then says that the address is in use.
fn remove_stale(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).is_err_and(refused) {
        // `bind` tells if that did not help.
        let _ = fs::remove_file(path);
    }
}
