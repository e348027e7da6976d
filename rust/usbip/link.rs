// SPDX-License-Identifier: GPL-2.0

//! A running connection: a socket with a thread that receives and one that sends.

use crate::{
    kthread::{
        Body,
        KThread, //
    },
    net::Socket, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// User space asked for it.
    Down,
    /// The peer closed the connection.
    Closed,
    /// The connection failed, or the peer broke the protocol.
    Failed,
    /// The local device or controller is going away.
    Removed,
}

/// A socket and its two threads. Dropping it shuts the socket down and waits for both threads; a
/// socket whose threads have never run is left as it is, for user space to try elsewhere.
///
/// The threads have to end when the socket does; one that waits for something else has to be told
/// by whoever drops the link.
pub struct Link<Rx: Body, Tx: Body> {
    socket: Arc<Socket>,
    rx: KThread<Rx>,
    tx: KThread<Tx>,
    is_started: bool,
}

impl<Rx: Body, Tx: Body> Link<Rx, Tx> {
    /// Creates the threads of a connection; they do not run before [`start`](Self::start).
    ///
    /// Task context, may sleep.
    pub fn new(socket: Arc<Socket>, rx: Rx, tx: Tx) -> Result<Self> {
        Ok(Self {
            socket,
            rx: KThread::new(rx)?,
            tx: KThread::new(tx)?,
            is_started: false,
        })
    }

    /// Lets the threads run.
    pub fn start(&mut self) {
        self.is_started = true;
        self.rx.wake();
        self.tx.wake();
    }
}

impl<Rx: Body, Tx: Body> Drop for Link<Rx, Tx> {
    fn drop(&mut self) {
        if self.is_started {
            self.socket.shutdown();
        }
    }
}
