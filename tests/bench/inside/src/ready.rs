// SPDX-License-Identifier: GPL-2.0

//! Waiting for whichever of many files has something.

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// Files with a number each.
pub struct Ready(OwnedFd);

impl Ready {
    /// None so far.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Adds a file, to be waited for until it is closed.
    pub fn add(&self, file: impl AsFd, number: usize, what: EventFlags) -> io::Result<()> {
        epoll::add(&self.0, file, EventData::new_u64(number as u64), what)?;
        Ok(())
    }

    /// Waits, and tells which file it is. One at a time: many are to take as long as one, for each.
    pub fn wait(&self) -> io::Result<usize> {
        let mut room = [MaybeUninit::<Event>::uninit()];
        let (events, _) = epoll::wait(&self.0, &mut room, None)?;
        let event = events.first().ok_or(io::ErrorKind::TimedOut)?;
        Ok(event.data.u64() as usize)
    }
}
