// SPDX-License-Identifier: GPL-2.0

//! Who is on the other end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use socket2::SockAddr;

/// Address of a client.
#[derive(Debug)]
pub struct Peer {
    address: SockAddr,
}

/// Those who count as one client when places are short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crowd {
    /// A machine: an IPv4 address, or the 64 bits of an IPv6 address that name a network.
    Ip(IpAddr),
    /// A virtual machine.
    Vsock(u32),
    /// Programs of this machine.
    Local,
}

impl Peer {
    /// The client at that address.
    pub fn new(address: SockAddr) -> Self {
        Self { address }
    }

    /// Whom it belongs to.
    pub fn crowd(&self) -> Crowd {
        match (self.address.as_socket(), self.address.as_vsock_address()) {
            (Some(address), _) => Crowd::Ip(match address.ip().to_canonical() {
                IpAddr::V6(address) => {
                    let network = u128::from(address) >> 64 << 64;
                    IpAddr::V6(Ipv6Addr::from(network))
                }
                address => address,
            }),
            (None, Some((cid, _port))) => Crowd::Vsock(cid),
            (None, None) => Crowd::Local,
        }
    }

    /// Its machine: an IP address, `unix`, or `vsock:CID`.
    pub fn machine(&self) -> String {
        match (self.address.as_socket(), self.address.as_vsock_address()) {
            // A socket of systemd may take both families.
            (Some(address), _) => address.ip().to_canonical().to_string(),
            (None, Some((cid, _port))) => format!("vsock:{cid}"),
            (None, None) => "unix".to_owned(),
        }
    }
}

impl fmt::Display for Peer {
    /// As C prints it: IPv6 without brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine();
        let vsock = self.address.as_vsock_address().map(|(_cid, port)| port);
        let port = self.address.as_socket().map(|address| address.port());
        match port.map(u32::from).or(vsock) {
            Some(port) => write!(f, "{machine}:{port}"),
            None => f.write_str(&machine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_network_is_one_crowd() {
        let peer = |text: &str| {
            let address: SocketAddr = text.parse().unwrap();
            Peer::new(address.into())
        };
        let crowd = |text: &str| peer(text).crowd();
        assert_eq!(crowd("[2001:db8::1]:1"), crowd("[2001:db8::2]:2"));
        assert_ne!(crowd("[2001:db8::1]:1"), crowd("[2001:db8:0:1::1]:1"));
        assert_eq!(crowd("10.0.0.1:1"), crowd("10.0.0.1:2"));
        assert_ne!(crowd("10.0.0.1:1"), crowd("10.0.0.2:1"));
        let vsock = Peer::new(SockAddr::vsock(7, 1));
        assert_eq!(vsock.crowd(), Crowd::Vsock(7));
        assert_eq!(vsock.to_string(), "vsock:7:1");
        assert_eq!(peer("[::1]:80").to_string(), "::1:80");
        assert_eq!(peer("[::1]:80").machine(), "::1");
        assert_eq!(crowd("[::ffff:10.0.0.1]:1"), crowd("10.0.0.1:1"));
        assert_eq!(peer("[::ffff:10.0.0.1]:80").to_string(), "10.0.0.1:80");
    }
}
