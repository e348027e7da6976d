// SPDX-License-Identifier: GPL-2.0

//! Replies that are dealt with as they arrive: those that end a transfer with its data in one piece.

use super::port::Port;
use kernel::sync::Arc;
use usbip::{
    net::{
        Payload,
        Segment,
        Taker, //
    },
    protocol::{
        Direction,
        Reply,
        RetSubmit,
        HEADER_LEN, //
    },
    usb::linked::LinkedUrb, //
};

/// No more bytes are copied where a reply arrives: others wait for the processor there.
const MAX_BYTES: u32 = 16384;

impl Taker for Port {
    fn take(this: &Arc<Self>, segment: &Segment<'_>) -> Option<usize> {
        let Reply::Submit(ret) = Reply::decode(&segment.header()?).ok()? else {
            return None;
        };
        let judge =
            |urb: &LinkedUrb| Plain::new(urb, &ret).filter(|plain| segment.holds(plain.pdu_len()));
        let (mut urb, plain) = this.inner.lock().pending.take_sent(ret.seqnum, judge)?;
        usbip::usbip_dbg!(Xmit, "{ret:?}\n");
        if plain.payload > 0 {
            if let Ok(Payload::Linear(data)) = urb.data(plain.payload) {
                // The segment holds that much, as has been seen.
                segment.copy(HEADER_LEN, data);
            }
        }
        urb.set_outcome(&ret, plain.transferred);
        this.give_back(urb, ret.checked_status());
        Some(plain.pdu_len())
    }
}

/// A reply that is no more than a header and data for one piece of memory.
struct Plain {
    /// Bytes that have been transferred.
    transferred: u32,
    /// Bytes that follow the header.
    payload: u32,
}

impl Plain {
    fn new(urb: &LinkedUrb, ret: &RetSubmit) -> Option<Self> {
        let transferred = ret.checked_length(urb.length()).ok()?;
        let payload = match urb.direction() {
            Direction::In => transferred,
            Direction::Out => 0,
        };
        let is_simple = payload == 0 || (payload <= MAX_BYTES && !urb.is_scattered());
        if urb.is_iso() || !is_simple {
            return None;
        }
        Some(Self {
            transferred,
            payload,
        })
    }

    /// Bytes of the PDU.
    fn pdu_len(&self) -> usize {
        HEADER_LEN + self.payload as usize
    }
}
