// SPDX-License-Identifier: GPL-2.0

//! Reaching a server.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use log::debug;
use rustix::net;
use thiserror::Error;

use crate::{local, socket, tune, TcpPort, LOG_TARGET};

/// What the standard library puts before the resolver's own text.
const RESOLVER_PREFIX: &str = "failed to lookup address information: ";

/// Why no connection came about. The texts are those of `gai_strerror`, as in C.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The name has no address (text of the resolver).
    #[error("{0}")]
    Resolve(String),
    /// No address answered; the error of the last one tried.
    #[error("System error")]
    Unreachable(#[source] io::Error),
}

/// Connects to the first address of `host` that answers. The socket is tuned before it connects.
/// `unix:/PATH` and `vsock:CID` are hosts too.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect(host: &str, port: &TcpPort) -> Result<TcpStream, ConnectError> {
    if let Some(connected) = local::connect(host, port.number()) {
        return connected.map_err(ConnectError::Unreachable);
    }
    let addresses = (host, port.number())
        .to_socket_addrs()
        .map_err(|error| ConnectError::Resolve(resolver_text(&error)))?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match connect_to(&address) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                debug!(target: LOG_TARGET, "connect to {address}: {error}");
                last = error;
            }
        }
    }
    Err(ConnectError::Unreachable(last))
}

fn connect_to(address: &SocketAddr) -> io::Result<TcpStream> {
    let socket = socket::open(address)?;
    tune(&socket)?;
    net::connect(&socket, address)?;
    Ok(TcpStream::from(socket))
}

fn resolver_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix(RESOLVER_PREFIX)
        .unwrap_or(&text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn refused_connection_reads_system_error() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        drop(listener);
        let error = connect("127.0.0.1", &port.parse().unwrap()).unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable(_)));
        assert_eq!(error.to_string(), "System error");
    }

    #[test]
    fn resolver_texts_are_plain() {
        let error = io::Error::other(format!("{RESOLVER_PREFIX}Name or service not known"));
        assert_eq!(resolver_text(&error), "Name or service not known");
    }
}
