// SPDX-License-Identifier: GPL-2.0

//! Replies that come while their requests are still being sent.

use kernel::prelude::*;
use usbip::{
    compat::EPROTO,
    protocol::{
        IsoDescriptor,
        RetSubmit, //
    }, //
};

/// A reply that carried no data, with the packets of an isochronous transfer.
pub(crate) struct EarlyReply {
    pub(crate) ret: RetSubmit,
    pub(crate) packets: KVec<IsoDescriptor>,
}

impl EarlyReply {
    /// What stands in for a reply that will not come.
    pub(crate) fn lost() -> Self {
        Self {
            ret: RetSubmit {
                seqnum: 0,
                status: EPROTO.to_errno(),
                actual_length: 0,
                start_frame: 0,
                packets: 0,
                error_count: 0,
            },
            packets: KVec::new(),
        }
    }
}
