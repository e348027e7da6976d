// SPDX-License-Identifier: GPL-2.0

//! Transfers that have been answered and are kept for their memory.

use super::{
    buffer::Buffer,
    transfer::{
        Handler,
        Transfer, //
    },
    Device,
    Endpoint, //
};
use crate::protocol::CmdSubmit;
use kernel::{
    list::ListArc,
    prelude::*,
    sync::{
        Arc,
        UniqueArc, //
    }, //
};

/// A transfer that nobody else knows any more.
pub struct Spare<T: Handler>(Pin<UniqueArc<Transfer<T>>>);

impl<T: Handler> Spare<T> {
    /// Keeps an answered transfer, unless somebody still looks at it. Any context.
    pub fn new(transfer: ListArc<Transfer<T>>) -> Option<Self> {
        Arc::into_unique_or_drop(transfer.into_arc()).map(Self)
    }

    /// The driver's record of the transfer that this was.
    pub fn data_mut(&mut self) -> &mut T {
        self.0.as_mut().project().data
    }

    /// Bytes in its buffer.
    pub fn bytes(&self) -> usize {
        self.0.buffer.len()
    }

    /// Whether it has what a transfer of `length` bytes in so many isochronous packets needs, and
    /// not much more: pages if `scatter`, else one piece of memory. Pages that are still on their
    /// way do not suit.
    pub fn suits(&self, scatter: bool, length: usize, packets: usize) -> bool {
        if self.0.capacity != packets {
            return false;
        }
        match &self.0.buffer {
            Buffer::Pages(list) => scatter && list.len() == length && list.is_unshared(),
            Buffer::Linear(bytes) => {
                let most = length.saturating_mul(2).saturating_add(SLACK);
                !scatter && (length..=most).contains(&bytes.len())
            }
        }
    }

    /// Makes it the transfer a CMD_SUBMIT asks for, which it [suits](Self::suits). Its buffer holds
    /// what the last transfer left there. Task context, may sleep; any context if the endpoint is not
    /// a control endpoint.
    pub fn reuse(
        mut self,
        device: &Device,
        endpoint: Endpoint,
        cmd: &CmdSubmit,
        data: T,
    ) -> Result<ListArc<Transfer<T>>> {
        *self.data_mut() = data;
        self.0.as_mut().describe(device, endpoint, cmd)?;
        Ok(self.0.into())
    }
}

/// Small transfers of different lengths share their memory.
const SLACK: usize = 512;
