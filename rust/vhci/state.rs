// SPDX-License-Identifier: GPL-2.0

//! What a port is up to.

use super::pending::Pending;
use kernel::sync::aref::ARef;
use usbip::usb::{
    Device,
    Speed, //
};

/// The device a port is to show, as it was given at attach.
#[derive(Clone, Copy)]
pub(crate) struct Import {
    /// `busnum << 16 | devnum` on the server.
    pub(crate) devid: u32,
    /// Its speed.
    pub(crate) speed: Speed,
    /// The attaching process's number for the socket; shown, never used.
    pub(crate) sockfd: u32,
}

/// How far usbcore has come with an imported device.
pub(crate) enum Enumeration {
    /// It has no address.
    Waiting,
    /// It has one.
    Addressed(ARef<Device>),
}

/// What a port is up to.
pub(crate) enum State {
    /// Free.
    Null,
    /// Connected.
    Live(Import, Enumeration),
    /// The connection has ended and is being cleared away.
    Ending(Import, Enumeration),
    /// The controller is going; nothing can be attached any more.
    Removed,
}

/// What is guarded by a port's spinlock.
pub(crate) struct Inner {
    pub(crate) state: State,
    /// The device itself has been reset since it was last given an address. A reset of the port
    /// comes twice during an enumeration; the device needs it once.
    pub(crate) is_fresh: bool,
    /// The line in the status file has changed where user space could not be told: the sender does.
    pub(crate) is_news: bool,
    pub(crate) pending: Pending,
    /// The sender waits for somebody to wake it.
    pub(crate) sender_waits: bool,
}

impl Inner {
    /// Whether there is a connection.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Live(..))
    }

    /// What the status file shows.
    pub(crate) fn status(&self) -> Status {
        match &self.state {
            State::Null | State::Removed => Status::Null,
            State::Live(import, Enumeration::Addressed(device)) => Status::Used {
                import: *import,
                sockfd: import.sockfd,
                device: device.clone(),
            },
            State::Ending(import, Enumeration::Addressed(device)) => Status::Used {
                import: *import,
                sockfd: u32::MAX,
                device: device.clone(),
            },
            State::Live(..) | State::Ending(..) => Status::NotAssigned,
        }
    }

    /// Remembers the device that usbcore has made for the import; returns what was known before,
    /// to be dropped without the lock.
    pub(crate) fn set_addressed(&mut self, device: ARef<Device>) -> Option<Enumeration> {
        self.is_fresh = false;
        match &mut self.state {
            State::Live(_, enumeration) => {
                let is_known = matches!(enumeration, Enumeration::Addressed(known)
                    if core::ptr::eq(&**known, &*device));
                if !is_known {
                    device.keep_awake();
                }
                let new = Enumeration::Addressed(device);
                Some(core::mem::replace(enumeration, new))
            }
            _ => None,
        }
    }

    /// The device id for requests, while there is a connection.
    pub(crate) fn devid(&self) -> Option<u32> {
        match &self.state {
            State::Live(import, _) => Some(import.devid),
            _ => None,
        }
    }
}

/// What the status file shows of a port.
pub(crate) enum Status {
    /// Free (4).
    Null,
    /// Attached, without an address yet (5).
    NotAssigned,
    /// In use (6); `sockfd` is all ones while the connection is being cleared away.
    Used {
        import: Import,
        sockfd: u32,
        device: ARef<Device>,
    },
}
