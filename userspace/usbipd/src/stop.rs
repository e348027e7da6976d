// SPDX-License-Identifier: GPL-2.0

//! Being told to stop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// Becomes readable when the process receives SIGTERM or SIGINT.
#[derive(Debug)]
pub struct StopSignal {
    receiver: UnixStream,
}

impl StopSignal {
    /// Installs the signal handlers.
    ///
    /// # Errors
    /// Those of creating the pipe and installing handlers.
    pub fn install() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        pipe::register(SIGTERM, sender.try_clone()?)?;
        pipe::register(SIGINT, sender)?;
        Ok(Self { receiver })
    }
}

impl AsFd for StopSignal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
