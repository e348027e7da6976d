// SPDX-License-Identifier: GPL-2.0

//! What transfers are put through.

use std::io;

/// The end of a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// Which of the transfers.
    pub slot: usize,
    /// Bytes transferred.
    pub bytes: usize,
    /// Whether it failed, or did not transfer what it was to.
    pub failed: bool,
}

/// A way to a device with a fixed number of transfers, each of which is started again and again.
pub trait Pipe {
    /// Starts a transfer that is not under way.
    fn submit(&mut self, slot: usize) -> io::Result<()>;

    /// Waits for the end of any transfer.
    fn complete(&mut self) -> io::Result<Completion>;
}
