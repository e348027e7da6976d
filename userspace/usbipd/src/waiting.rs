// SPDX-License-Identifier: GPL-2.0

//! Connections that have not yet said what they want.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::peer::Crowd;

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
    crowd: Crowd,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It may be cut off; here is its socket to do it by.
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
    /// Adds a connection. When there are `limit` of them, the oldest silent one of the client that
    /// has most of them is shut down: a flood pushes out its own members, and somebody else with a
    /// request gets in.
    ///
    /// # Errors
    /// Those of duplicating the socket, or when there are too many and none is silent.
    pub fn enter(&self, stream: &TcpStream, crowd: Crowd, limit: usize) -> io::Result<Place> {
        let state = State::Silent(stream.try_clone()?);
        let mut queue = self.lock();
        let number = queue.next;
        queue.next = number.wrapping_add(1);
        while queue.entries.len() >= limit {
            queue.push_out_one()?;
        }
        queue.entries.push(Entry {
            number,
            crowd,
            state,
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
    fn push_out_one(&mut self) -> io::Result<()> {
        let mut crowds: HashMap<Crowd, usize> = HashMap::new();
        for entry in self.entries.iter().filter(|entry| entry.is_silent()) {
            *crowds.entry(entry.crowd).or_default() += 1;
        }
        let largest = crowds.into_iter().max_by_key(|(_crowd, count)| *count);
        let index = largest.and_then(|(crowd, _count)| {
            let mut entries = self.entries.iter();
            entries.position(|entry| entry.is_silent() && entry.crowd == crowd)
        });
        let Some(index) = index else {
            return Err(io::Error::other("too many requests at once"));
        };
        if let State::Silent(stream) = self.entries.remove(index).state {
            // If it is closed already, all the better.
            let _ = stream.shutdown(Shutdown::Both);
        }
        Ok(())
    }
}

impl Entry {
    fn is_silent(&self) -> bool {
        matches!(self.state, State::Silent(_))
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

    const LIMIT: usize = 8;

    struct Client {
        stream: TcpStream,
        place: Place,
    }

    impl Client {
        fn new(waiting: &Waiting, crowd: Crowd) -> Self {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            stream.set_nonblocking(true).unwrap();
            let (accepted, _address) = listener.accept().unwrap();
            let place = waiting.enter(&accepted, crowd, LIMIT).unwrap();
            // Only the queue keeps the server's end open.
            Self { stream, place }
        }

        fn is_open(&mut self) -> bool {
            let read = self.stream.read(&mut [0]);
            read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        }
    }

    #[test]
    fn oldest_of_the_largest_crowd_makes_room() {
        let waiting = Waiting::default();
        let mut loner = Client::new(&waiting, Crowd::Vsock(1));
        let mut flood: Vec<_> = (1..LIMIT)
            .map(|_| Client::new(&waiting, Crowd::Local))
            .collect();
        let mut late = Client::new(&waiting, Crowd::Vsock(2));
        assert!(loner.is_open() && late.is_open());
        assert!(!flood[0].is_open());
        assert!(flood[1].is_open());
    }

    #[test]
    fn served_connections_stay() {
        let waiting = Waiting::default();
        let first = Client::new(&waiting, Crowd::Local);
        let stream = first.stream.try_clone().unwrap();
        assert!(!waiting.is_serving());
        first.place.hold();
        assert!(waiting.is_serving());
        let others: Vec<_> = (1..LIMIT)
            .map(|_| Client::new(&waiting, Crowd::Local))
            .collect();
        for other in &others {
            other.place.hold();
        }
        let refused = waiting.enter(&stream, Crowd::Local, LIMIT).unwrap_err();
        assert_eq!(refused.to_string(), "too many requests at once");
        drop((first, others));
        assert!(!waiting.is_serving());
        assert!(waiting.enter(&stream, Crowd::Local, LIMIT).is_ok());
    }
}
