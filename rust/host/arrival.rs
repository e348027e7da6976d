// SPDX-License-Identifier: GPL-2.0

//! Requests that are dealt with as they arrive: small bulk and interrupt transfers like others
//! before them, whose memory serves again.

use super::{
    export::Export,
    job::{
        Answer,
        Job, //
    },
    rx::MAX_SMALL, //
};
use kernel::sync::Arc;
use usbip::{
    net::{
        Payload,
        Segment,
        Taker, //
    },
    protocol::{
        Request,
        HEADER_LEN, //
    },
    usb::{
        transfer::{
            Context,
            Transfer, //
        },
        EndpointKind, //
    }, //
};

impl Taker for Export {
    fn take(this: &Arc<Self>, segment: &Segment<'_>) -> Option<usize> {
        let Request::Submit(cmd) = Request::decode(&segment.header()?).ok()? else {
            return None;
        };
        let endpoint = this.device().endpoint(cmd.ep, cmd.direction)?;
        let is_plain = matches!(endpoint.kind, EndpointKind::Bulk | EndpointKind::Interrupt);
        let length = cmd.length as usize;
        let end = HEADER_LEN + cmd.payload_len() as usize;
        if !is_plain || cmd.devid != this.devid || cmd.length > MAX_SMALL || !segment.holds(end) {
            return None;
        }
        this.budget.check(length).ok()?;
        if !this.outbox.lock().takes_transfers() {
            return None;
        }
        let spare = this.pool.take(false, length, 0)?;
        usbip::usbip_dbg!(Xmit, "{cmd:?}\n");
        let job = Job::for_submit(this, &cmd, endpoint.kind, Answer::Outcome, length);
        let mut transfer = spare.reuse(this.device(), endpoint, &cmd, job).ok()?;
        if let Ok(Payload::Linear(data)) = Transfer::payload(&mut transfer, cmd.payload_len()) {
            // The segment holds that much, as has been seen.
            segment.copy(HEADER_LEN, data);
        }
        this.submit(transfer, Context::Atomic);
        Some(end)
    }
}
