// SPDX-License-Identifier: GPL-2.0

//! Servers of this machine and of virtual machines: `unix:/PATH` and `vsock:CID` or
//! `vsock:CID:PORT` in place of a host name, which cannot have a colon.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use socket2::{Domain, SockAddr, Socket, Type};

/// Connects to a server that is not reached over IP; `None` when `host` does not name one. `port`
/// is the one to use on vsock unless the name has one.
///
/// The type of the result is that of TCP streams: reading, writing, time limits and shutting down
/// are the same for every family.
pub fn connect(host: &str, port: u16) -> Option<io::Result<TcpStream>> {
    if let Some(path) = host.strip_prefix("unix:") {
        let address = SockAddr::unix(path);
        return Some(address.and_then(|address| open(Domain::UNIX, &address)));
    }
    let place = host.strip_prefix("vsock:")?;
    let (cid, port) = match place.split_once(':') {
        Some((cid, port)) => (cid.parse(), port.parse()),
        None => (place.parse(), Ok(u32::from(port))),
    };
    Some(match (cid, port) {
        (Ok(cid), Ok(port)) => open(Domain::VSOCK, &SockAddr::vsock(cid, port)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    })
}

/// Whether a host is such a server.
pub fn is_local(host: &str) -> bool {
    host.starts_with("unix:") || host.starts_with("vsock:")
}

/// Host and port as people write them; a server of this machine has its port in its name.
pub fn place(host: &str, port: impl fmt::Display) -> String {
    match is_local(host) {
        true => host.to_owned(),
        false => format!("{host}:{port}"),
    }
}

fn open(family: Domain, address: &SockAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(family, Type::STREAM, None)?;
    socket.connect(address)?;
    Ok(OwnedFd::from(socket).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    #[test]
    fn unix_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let host = format!("unix:{}", path.display());
        let mut stream = connect(&host, 3240).unwrap().unwrap();
        listener.accept().unwrap().0.write_all(b"x").unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        let missing = connect("unix:/nonexistent", 3240).unwrap();
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn only_names_with_a_prefix_are_local() {
        for host in ["localhost", "10.0.0.1", "::1", "unix"] {
            assert!(connect(host, 3240).is_none(), "{host}");
            assert_eq!(place(host, 3240), format!("{host}:3240"));
        }
        for host in ["vsock:", "vsock:x", "vsock:2:x"] {
            let error = connect(host, 3240).unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{host}");
            assert_eq!(place(host, 3240), host);
        }
    }
}
