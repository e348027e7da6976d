// SPDX-License-Identifier: GPL-2.0

//! Messages to a thread that also waits for descriptors.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};

/// The receiving end; becomes readable when there are messages.
#[derive(Debug)]
pub struct Inbox<T> {
    wake: UnixStream,
    messages: Receiver<T>,
}

/// The sending end.
#[derive(Debug)]
pub struct Outlet<T> {
    wake: UnixStream,
    messages: Sender<T>,
}

/// Makes the two ends.
///
/// # Errors
/// Those of creating the pipe.
pub fn inbox<T>() -> io::Result<(Outlet<T>, Inbox<T>)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let (sender, receiver) = mpsc::channel();
    let outlet = Outlet {
        wake: ours,
        messages: sender,
    };
    let inbox = Inbox {
        wake: theirs,
        messages: receiver,
    };
    Ok((outlet, inbox))
}

impl<T> Outlet<T> {
    /// Sends a message; one to a thread that has ended is lost.
    pub fn send(&self, message: T) {
        let _ = self.messages.send(message);
        // A full pipe wakes the receiver as well.
        let _ = (&self.wake).write(&[0]);
    }
}

impl<T> Inbox<T> {
    /// The messages that wait.
    pub fn take(&self) -> Vec<T> {
        let mut drain = [0; 64];
        while matches!((&self.wake).read(&mut drain), Ok(count) if count > 0) {}
        self.messages.try_iter().collect()
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};

    fn is_readable(inbox: &Inbox<u32>) -> bool {
        let mut fds = [PollFd::new(inbox, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn readable_while_messages_wait() {
        let (outlet, inbox) = inbox().unwrap();
        assert!(!is_readable(&inbox));
        for number in 0..1000 {
            outlet.send(number);
        }
        assert!(is_readable(&inbox));
        assert_eq!(inbox.take().len(), 1000);
        assert!(!is_readable(&inbox));
        assert!(inbox.take().is_empty());
    }
}
