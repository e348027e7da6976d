// SPDX-License-Identifier: GPL-2.0

//! Requests that are dealt with as they arrive: bulk and interrupt transfers with little or nothing
//! to receive, like others before them, whose memory serves again.

use super::{
    export::Export,
    job::{
        Answer,
        Job, //
    },
    rx::{
        wants_pages,
        MAX_SMALL, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
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
        let payload = cmd.payload_len();
        let end = HEADER_LEN + payload as usize;
        if !is_plain || cmd.devid != this.devid || payload > MAX_SMALL || !segment.holds(end) {
            return None;
        }
        this.budget.check(length).ok()?;
        if !this.outbox.lock().takes_transfers() {
            return None;
        }
        let scatter = wants_pages(this.device(), endpoint, &cmd);
        let spare = this.pool.take(scatter, length, 0)?;
        usbip::usbip_dbg!(Xmit, "{cmd:?}\n");
        let job = Job::for_submit(this, &cmd, endpoint.kind, Answer::Outcome, length);
        let mut transfer = spare.reuse(this.device(), endpoint, &cmd, job).ok()?;
        if payload > 0 {
            if let Ok(Payload::Linear(data)) = Transfer::payload(&mut transfer, payload) {
                // The segment holds that much, as has been seen.
                segment.copy(HEADER_LEN, data);
            }
        }
        match Transfer::submit(transfer, &this.in_flight, Context::Atomic) {
            Ok(()) => {}
            // The thread can wait for memory.
            Err((error, transfer)) if error == ENOMEM => {
                this.pool.put(transfer);
                return None;
            }
            Err((error, transfer)) => this.refuse(transfer, error),
        }
        Some(end)
    }
}
