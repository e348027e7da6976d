// SPDX-License-Identifier: GPL-2.0

//! Being told to stop or to read the configuration again.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// What the process has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Becomes readable when the process receives a signal it acts on.
#[derive(Debug)]
pub struct Signals {
    receiver: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the signal handlers.
    ///
    /// # Errors
    /// Those of creating the pipe and installing handlers.
    pub fn install() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let signals = Self {
            receiver,
            stop: Arc::default(),
            reload: Arc::default(),
        };
        // Handlers of one signal run in this order: the flag is up when the pipe wakes us.
        for (number, raised) in [
            (SIGTERM, &signals.stop),
            (SIGINT, &signals.stop),
            (SIGHUP, &signals.reload),
        ] {
            flag::register(number, raised.clone())?;
            pipe::register(number, sender.try_clone()?)?;
        }
        Ok(signals)
    }

    /// What has been received since the last call; stopping goes first.
    pub fn take(&self) -> Option<Signal> {
        let mut drain = [0; 64];
        while matches!((&self.receiver).read(&mut drain), Ok(count) if count > 0) {}
        if self.stop.swap(false, Ordering::Relaxed) {
            return Some(Signal::Stop);
        }
        let reload = self.reload.swap(false, Ordering::Relaxed);
        reload.then_some(Signal::Reload)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
