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
        let is_plain = |urb: &LinkedUrb| {
            payload_len(urb, &ret).is_some_and(|length| segment.holds(HEADER_LEN + length))
        };
        let mut urb = this.inner.lock().pending.take_sent(ret.seqnum, is_plain)?;
        usbip::usbip_dbg!(Xmit, "{ret:?}\n");
        let actual_length = ret.checked_length(urb.length()).unwrap_or(0);
        let length = payload_len(&urb, &ret).unwrap_or(0);
        if let Ok(Payload::Linear(data)) = urb.data(length as u32) {
            // The segment holds that much, as has been seen.
            segment.copy(HEADER_LEN, data);
        }
        urb.set_outcome(&ret, actual_length);
        this.give_back(urb, ret.checked_status());
        Some(HEADER_LEN + length)
    }
}

/// The bytes that follow the header of a reply; `None` if there is more to it than that.
fn payload_len(urb: &LinkedUrb, ret: &RetSubmit) -> Option<usize> {
    let length = ret.checked_length(urb.length()).ok()?;
    if urb.is_iso() || urb.is_scattered() || length > MAX_BYTES {
        return None;
    }
    match urb.direction() {
        Direction::In => Some(length as usize),
        Direction::Out => Some(0),
    }
}
