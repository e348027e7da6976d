// SPDX-License-Identifier: GPL-2.0

//! The server of an imported device: a thread at the other end of a pair of sockets.

use crate::limit::{self, SOON};
use crate::pdu::{self, Pdu};
use crate::scripted::Scripted;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use usbip_protocol::Request;

/// Plays a device: answers control requests itself and leaves everything else to the check.
pub struct Server {
    wire: UnixStream,
    requests: Receiver<Pdu>,
    seen: Arc<Mutex<Vec<Pdu>>>,
    paused: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server on one end of a pair of sockets.
    pub fn start(wire: UnixStream, device: Scripted) -> io::Result<Self> {
        let (sender, requests) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let paused = Arc::new(AtomicBool::new(false));
        let (end, log, pause) = (wire.try_clone()?, seen.clone(), paused.clone());
        thread::spawn(move || serve(end, device, &sender, &log, &pause));
        Ok(Self {
            wire,
            requests,
            seen,
            paused,
        })
    }

    /// A server that neither reads nor answers.
    pub fn silent(wire: UnixStream) -> Self {
        Self {
            wire,
            requests: channel().1,
            seen: Arc::default(),
            paused: Arc::default(),
        }
    }

    /// Reads no more after the next request.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Reads on, a little at a time, once paused. Nothing is answered any more.
    pub fn trickle(&self) -> io::Result<()> {
        let mut wire = self.wire.try_clone()?;
        thread::spawn(move || {
            let mut some = [0; 16384];
            while wire.read(&mut some).is_ok_and(|count| count > 0) {
                thread::sleep(Duration::from_millis(500));
            }
        });
        Ok(())
    }

    /// The next request that is left to the check.
    pub fn next(&self) -> io::Result<Pdu> {
        self.requests
            .recv_timeout(limit::stretched(SOON))
            .map_err(|_| io::Error::other("no request"))
    }

    /// Sends bytes to the client.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.wire).write_all(bytes)
    }

    /// Answers a request with a status and data.
    pub fn reply(&self, to: &Pdu, status: i32, data: &[u8]) -> io::Result<()> {
        self.send(&pdu::ret_submit(to.seqnum(), status, data))
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Pdu> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Closes the direction to the client.
    pub fn stop_sending(&self) -> io::Result<()> {
        self.wire.shutdown(Shutdown::Write)
    }

    /// Closes the direction from the client.
    pub fn stop_receiving(&self) -> io::Result<()> {
        self.wire.shutdown(Shutdown::Read)
    }

    /// Closes the connection in both directions.
    pub fn close(&self) -> io::Result<()> {
        self.wire.shutdown(Shutdown::Both)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The thread holds the same socket open; failing means that it is closed already.
        let _ = self.close();
    }
}

/// Reads requests until the connection ends.
fn serve(
    mut wire: UnixStream,
    device: Scripted,
    rest: &Sender<Pdu>,
    log: &Mutex<Vec<Pdu>>,
    paused: &AtomicBool,
) {
    while let Ok(pdu) = Pdu::read(&mut wire) {
        if paused.load(Ordering::SeqCst) {
            return;
        }
        let mut seen = log.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer(&pdu, device, &seen);
        seen.push(pdu.clone());
        drop(seen);
        let sent = match answer {
            Some(bytes) => wire.write_all(&bytes),
            None => rest.send(pdu).map_err(io::Error::other),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// What the server says to a request by itself: the device's control requests, and cancellations of
/// what this connection has not seen.
fn answer(pdu: &Pdu, device: Scripted, seen: &[Pdu]) -> Option<Vec<u8>> {
    match &pdu.request {
        Request::Submit(submit) if submit.ep == 0 => {
            let (status, data) = device.control(submit.setup)?;
            Some(pdu::ret_submit(submit.seqnum, status, &data))
        }
        Request::Submit(_) => None,
        Request::Unlink(unlink) => {
            let is_known = seen.iter().any(|pdu| pdu.seqnum() == unlink.victim);
            (!is_known).then(|| pdu::ret_unlink(unlink.seqnum, 0))
        }
    }
}
