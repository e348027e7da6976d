// SPDX-License-Identifier: GPL-2.0

//! Events of the kernel about devices, as udev gets them; udev itself need not run.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use kobject_uevent::{ActionType, UEvent};
use rustix::io::Errno;
use rustix::net::netlink::{SocketAddrNetlink, KOBJECT_UEVENT};
use rustix::net::{
    self, sockopt, AddressFamily, RecvFlags, SocketAddrAny, SocketFlags, SocketType,
};

/// Multicast group of the kernel's own events (udev forwards to group 2).
const KERNEL_GROUP: u32 = 1;

/// Longest event of the kernel, in bytes (`UEVENT_BUFFER_SIZE` and the path before it).
const MAX_LEN: usize = 8192;

/// Room for events that wait, in bytes; a hub full of devices is a few hundred of them.
const BUFFER: usize = 1 << 20;

/// A subscription. Becomes readable when there are events.
#[derive(Debug)]
pub struct Uevents {
    socket: OwnedFd,
}

impl Uevents {
    /// Subscribes to all events.
    ///
    /// # Errors
    /// Those of opening a netlink socket.
    pub fn subscribe() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::DGRAM;
        let socket = net::socket_with(AddressFamily::NETLINK, kind, flags, Some(KOBJECT_UEVENT))?;
        // Larger than the system's limit takes a capability; the limit is what it gets otherwise.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER);
        net::bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { socket })
    }

    /// The next event, if one waits.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`] when events were lost: look at everything again. Others as of
    /// `recv`.
    pub fn next(&self) -> io::Result<Option<UEvent>> {
        let mut buffer = [0; MAX_LEN];
        loop {
            match net::recvfrom(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                // Only the kernel (port 0) is believed.
                Ok((_, _, Some(sender))) if !is_kernel(&sender) => {}
                Ok((count, _, _)) => {
                    let packet = buffer.get(..count).unwrap_or_default();
                    if let Ok(event) = UEvent::from_netlink_packet(packet) {
                        return Ok(Some(event));
                    }
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => return Err(io::ErrorKind::OutOfMemory.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether any of the events that wait is of interest; all of them are taken. Events that were
    /// lost count as interesting.
    pub fn any(&self, is_interesting: impl Fn(&UEvent) -> bool) -> bool {
        let mut found = false;
        loop {
            match self.next() {
                Ok(Some(event)) => found |= is_interesting(&event),
                Ok(None) => return found,
                Err(error) if error.kind() == io::ErrorKind::OutOfMemory => found = true,
                Err(_) => return true,
            }
        }
    }
}

fn is_kernel(sender: &SocketAddrAny) -> bool {
    SocketAddrNetlink::try_from(sender.clone()).is_ok_and(|sender| sender.pid() == 0)
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
