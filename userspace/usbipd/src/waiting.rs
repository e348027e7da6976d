// SPDX-License-Identifier: GPL-2.0

//! Connections that have not yet said what they want.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most connections served at once. A flood of silent clients pushes out its own oldest members,
/// so that somebody with a request gets in.
const LIMIT: usize = 128;

/// The connections, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its request has not come yet; here is its socket to shut it down by.
    Silent(TcpStream),
    /// Its request is being served.
    Served,
}

/// A place among the connections; given up when dropped.
#[derive(Debug)]
pub struct Place {
    waiting: Waiting,
    number: u64,
}

impl Waiting {
    /// Adds a connection. When there are too many, the oldest silent one is shut down.
    ///
    /// # Errors
    /// Those of duplicating the socket, or when there are too many and none is silent.
    pub fn enter(&self, stream: &TcpStream) -> io::Result<Place> {
        let copy = stream.try_clone()?;
        let mut queue = self.lock();
        let number = queue.next;
        queue.next = number.wrapping_add(1);
        if queue.entries.len() >= LIMIT {
            queue.push_out_oldest()?;
        }
        queue.entries.push(Entry {
            number,
            state: State::Silent(copy),
        });
        Ok(Place {
            waiting: self.clone(),
            number,
        })
    }

    /// Whether a request is being served that should not be cut off.
    pub fn is_serving(&self) -> bool {
        let queue = self.lock();
        let mut states = queue.entries.iter().map(|entry| &entry.state);
        states.any(|state| matches!(state, State::Served))
    }

    /// No code panics while it holds the lock, and the queue is sound between any two statements.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The thread of that connection sees the end of its stream and leaves.
    fn push_out_oldest(&mut self) -> io::Result<()> {
        let is_silent = |entry: &Entry| matches!(entry.state, State::Silent(_));
        let Some(index) = self.entries.iter().position(is_silent) else {
            return Err(io::Error::other("too many requests at once"));
        };
        if let State::Silent(stream) = self.entries.remove(index).state {
            // If it is closed already, all the better.
            let _ = stream.shutdown(Shutdown::Both);
        }
        Ok(())
    }
}

impl Place {
    /// Protects the connection from being pushed out, now that its request is here: the kernel
    /// may soon have its socket. Our copy of the socket goes.
    pub fn hold(&self) {
        let mut queue = self.waiting.lock();
        let entry = queue
            .entries
            .iter_mut()
            .find(|entry| entry.number == self.number);
        if let Some(entry) = entry {
            entry.state = State::Served;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = self.number;
        let mut queue = self.waiting.lock();
        queue.entries.retain(|entry| entry.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn oldest_silent_connection_makes_room() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let waiting = Waiting::default();
        let mut held = Vec::new();
        for index in 0..=LIMIT {
            let (client, stream) = connect();
            let place = waiting.enter(&stream).unwrap();
            if index == 0 {
                place.hold();
            }
            client.set_nonblocking(true).unwrap();
            held.push((client, stream, place));
        }
        let mut read = |index: usize| held.get_mut(index).unwrap().0.read(&mut [0]);
        let still_open = io::ErrorKind::WouldBlock;
        assert_eq!(read(0).unwrap_err().kind(), still_open);
        assert_eq!(read(1).unwrap(), 0);
        assert_eq!(read(2).unwrap_err().kind(), still_open);
        assert!(waiting.is_serving());
        drop(held);
        assert!(!waiting.is_serving());
    }
}
