// SPDX-License-Identifier: GPL-2.0

//! Places to listen on, as people write them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{de, Deserialize, Deserializer};
use thiserror::Error;

use crate::options::Families;

/// `VMADDR_CID_ANY`: every address the machine has on vsock.
const ANY_CID: u32 = u32::MAX;

/// A place to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// `ADDRESS`, `ADDRESS:PORT`, `[IPV6]:PORT` or a host name in the same forms.
    Tcp {
        /// Address or name.
        host: String,
        /// Port; the common one if not given.
        port: Option<u16>,
    },
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `vsock:PORT` or `vsock:CID:PORT`.
    Vsock {
        /// Own address; any if not given.
        cid: u32,
        /// Port.
        port: u32,
    },
}

/// A place a socket can be bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// IP address and TCP port.
    Tcp(SocketAddr),
    /// A file.
    Unix(PathBuf),
    /// Address and port on vsock.
    Vsock {
        /// Own address.
        cid: u32,
        /// Port.
        port: u32,
    },
}

/// The text is no place to listen on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{0}' is no place to listen on: write ADDRESS, ADDRESS:PORT, [IPV6]:PORT, unix:/PATH or vsock:PORT")]
pub struct InvalidAddress(String);

impl ListenAddress {
    /// The places to bind to; a name may have several.
    ///
    /// # Errors
    /// Those of the resolver.
    pub fn endpoints(&self, common_port: u16) -> io::Result<Vec<Endpoint>> {
        match self {
            Self::Unix(path) => Ok(vec![Endpoint::Unix(path.clone())]),
            Self::Vsock { cid, port } => Ok(vec![Endpoint::Vsock {
                cid: *cid,
                port: *port,
            }]),
            Self::Tcp { host, port } => {
                let address = (host.as_str(), port.unwrap_or(common_port));
                Ok(address.to_socket_addrs()?.map(Endpoint::Tcp).collect())
            }
        }
    }
}

impl Endpoint {
    /// Every address of the machine, as far as the families go.
    pub fn defaults(families: Families, port: u16) -> Vec<Self> {
        let ipv4 = Self::Tcp((Ipv4Addr::UNSPECIFIED, port).into());
        let ipv6 = Self::Tcp((Ipv6Addr::UNSPECIFIED, port).into());
        match families {
            Families::Both => vec![ipv4, ipv6],
            Families::Ipv4 => vec![ipv4],
            Families::Ipv6 => vec![ipv6],
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => match port {
                Some(port) => write!(f, "{host}:{port}"),
                None => f.write_str(host),
            },
            Self::Unix(path) => Endpoint::Unix(path.clone()).fmt(f),
            Self::Vsock { cid, port } => Endpoint::Vsock {
                cid: *cid,
                port: *port,
            }
            .fmt(f),
        }
    }
}

impl fmt::Display for Endpoint {
    /// As C prints it: IPv6 without brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{}:{}", address.ip(), address.port()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Vsock { cid: ANY_CID, port } => write!(f, "vsock:{port}"),
            Self::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return match path.is_absolute() {
                true => Ok(Self::Unix(path)),
                false => Err(invalid()),
            };
        }
        if let Some(rest) = text.strip_prefix("vsock:") {
            let (cid, port) = match rest.split_once(':') {
                Some((cid, port)) => (cid.parse().map_err(|_| invalid())?, port),
                None => (ANY_CID, rest),
            };
            let port = port.parse().map_err(|_| invalid())?;
            return Ok(Self::Vsock { cid, port });
        }
        parse_tcp(text).ok_or_else(invalid)
    }
}

fn parse_tcp(text: &str) -> Option<ListenAddress> {
    let tcp = |host: &str, port| ListenAddress::Tcp {
        host: host.to_owned(),
        port,
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(tcp(&address.to_string(), None));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(tcp(&address.ip().to_string(), Some(address.port())));
    }
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        inner.parse::<Ipv6Addr>().ok()?;
        return Some(tcp(inner, None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    (!host.is_empty() && host.chars().all(is_name)).then(|| tcp(host, port))
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> String {
        let address: ListenAddress = text.parse().unwrap();
        address
            .endpoints(3240)
            .unwrap()
            .first()
            .unwrap()
            .to_string()
    }

    #[test]
    fn every_form() {
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1:3240"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("::1", "::1:3240"),
            ("[::1]", "::1:3240"),
            ("[::1]:80", "::1:80"),
            ("unix:/run/usbipd", "unix:/run/usbipd"),
            ("vsock:3240", "vsock:3240"),
            ("vsock:2:3240", "vsock:2:3240"),
        ] {
            assert_eq!(endpoint(text), expected, "{text}");
        }
        let name: ListenAddress = "localhost:80".parse().unwrap();
        assert_eq!(
            name,
            ListenAddress::Tcp {
                host: "localhost".to_owned(),
                port: Some(80)
            }
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":80",
            "10.0.0.1:",
            "10.0.0.1:70000",
            "[::1",
            "unix:run",
            "vsock:",
            "vsock:x:1",
            "a b",
        ] {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.to_string().contains("unix:/PATH"), "{error}");
        }
    }
}
