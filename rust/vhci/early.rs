// SPDX-License-Identifier: GPL-2.0

//! Replies that come while their requests are still being sent.

use kernel::prelude::*;
use usbip::protocol::{
    IsoDescriptor,
    RetSubmit, //
};

/// A reply that carried no data, with the packets of an isochronous transfer.
pub(crate) struct EarlyReply {
    pub(crate) ret: RetSubmit,
    pub(crate) packets: KVec<IsoDescriptor>,
}
