// SPDX-License-Identifier: GPL-2.0

//! Who the clients of this server are.
//!
//! usbip-host does not tell whose socket it has. Our usbipd writes it down; with another daemon the
//! socket still is in the table of connections while no process has it open any more.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use usbip_service::Client;

/// `TCP_ESTABLISHED` in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// One established connection.
struct Connection {
    inode: u64,
    local_port: u16,
    peer: IpAddr,
}

/// Addresses of those who may have a device in use: of the client that usbipd has written down, or,
/// where there is no such record, of all whose connections to `port` the kernel holds, each once.
pub fn peers(proc: &Path, port: u16, client: Option<Client>) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
    let (v4, v6) = (read("net/tcp"), read("net/tcp6"));
    let lines = v4.lines().chain(v6.lines());
    let connections: Vec<_> = lines.filter_map(Connection::parse).collect();
    if let Some(client) = client.filter(|client| is_current(client, &connections)) {
        return vec![client.address];
    }
    let open = open_sockets(proc);
    let held = connections
        .iter()
        .filter(|connection| connection.local_port == port && !open.contains(&connection.inode));
    let mut addresses: Vec<_> = held.map(|connection| connection.peer).collect();
    addresses.sort();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect()
}

/// Whether a client that came over TCP is still connected; of others the kernel has no such table.
fn is_current(client: &Client, connections: &[Connection]) -> bool {
    match client.address.parse::<IpAddr>() {
        Ok(address) => connections
            .iter()
            .any(|connection| connection.inode == client.inode && connection.peer == address),
        Err(_) => true,
    }
}

impl Connection {
    /// Reads a line of `/proc/net/tcp`.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let (_, local_port) = words.get(1)?.split_once(':')?;
        let (address, _) = words.get(2)?.split_once(':')?;
        if *words.get(3)? != ESTABLISHED {
            return None;
        }
        Some(Self {
            inode: words.get(9)?.parse().ok()?,
            local_port: u16::from_str_radix(local_port, 16).ok()?,
            peer: parse_address(address)?,
        })
    }
}

/// The kernel prints each 32 bits of an address as a number of the machine's byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let starts = (0..text.len()).step_by(8);
    let words = starts.map(|start| u32::from_str_radix(text.get(start..start + 8)?, 16).ok());
    let words: Option<Vec<_>> = words.collect();
    let bytes: Vec<_> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    let bytes = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
    Some(IpAddr::from(Ipv6Addr::from(bytes)).to_canonical())
}

/// Inodes of the sockets that processes have open.
fn open_sockets(proc: &Path) -> HashSet<u64> {
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let files = processes.flat_map(|process| {
        let files = fs::read_dir(process.path().join("fd"));
        files.into_iter().flatten().flatten()
    });
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?;
            name.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0CA8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1
   1: 01004D0A:0CA8 02004D0A:A3F2 01 00000000:00000000 02:00000000 00000000     0        0 101 4
   2: 01004D0A:0CA8 03004D0A:A3F3 01 00000000:00000000 02:00000000 00000000     0        0 102 4
   3: 01004D0A:A3F4 04004D0A:0CA8 01 00000000:00000000 02:00000000 00000000     0        0 103 4
";

    const TCP6: &str = "   0: 0000000000000000FFFF000001004D0A:0CA8 0000000000000000FFFF000002004D0A:8888 01 0:0 00:0 0 0 0 104 4
   1: 00000000000000000000000001000000:0CA8 00000000000000000000000001000000:8889 01 0:0 00:0 0 0 0 105 4
";

    #[test]
    fn connections_nobody_has_open_are_the_kernels() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir_all(proc.path().join("net")).unwrap();
        fs::write(proc.path().join("net/tcp"), TCP).unwrap();
        fs::write(proc.path().join("net/tcp6"), TCP6).unwrap();
        fs::create_dir_all(proc.path().join("7/fd")).unwrap();
        symlink("socket:[102]", proc.path().join("7/fd/3")).unwrap();
        if cfg!(target_endian = "big") {
            return;
        }
        let all = ["10.77.0.2", "::1"];
        assert_eq!(peers(proc.path(), 3240, None), all);
        assert!(peers(proc.path(), 3241, None).is_empty());
        let recorded = |address: &str, inode| {
            let address = address.to_owned();
            peers(proc.path(), 3240, Some(Client { address, inode }))
        };
        assert_eq!(recorded("::1", 105), ["::1"]);
        assert_eq!(recorded("vsock:3", 7), ["vsock:3"]);
        // It has gone since.
        assert_eq!(recorded("10.77.0.9", 99), all);
    }
}
