// SPDX-License-Identifier: GPL-2.0

//! What is owed to the client: a reply for every request.

use super::{
    export::Export,
    outbox::Outbox, //
};
use kernel::{
    list::ListArc,
    sync::{
        Arc,
        LockedBy, //
    }, //
};
use usbip::{
    protocol::{
        CmdSubmit,
        Direction,
        RetSubmit,
        RetUnlink, //
    },
    usb::{
        transfer::{
            Handler,
            Transfer, //
        },
        EndpointKind, //
    }, //
};

/// What the reply is to say.
pub(crate) enum Answer {
    /// What became of the transfer, or why it could not be started.
    Outcome,
    /// A RET_SUBMIT with this status and no data: there is no transfer.
    Status(i32),
    /// A RET_UNLINK: the victim is not in flight.
    Unlinked(RetUnlink),
}

/// A reply in the making.
pub(crate) struct Job {
    export: Arc<Export>,
    pub(crate) seqnum: u32,
    pub(crate) direction: Direction,
    pub(crate) is_iso: bool,
    pub(crate) is_control: bool,
    /// Whether the reply goes before those of bulk transfers, as its driver counts on a short time.
    pub(crate) is_urgent: bool,
    /// The packet count of the request, which the reply repeats.
    packets: i32,
    /// Bytes that the client is charged with, until it has its answer.
    charged: Option<usize>,
    pub(crate) answer: Answer,
    pub(crate) setup: [u8; 8],
    /// The seqnum of the CMD_UNLINK that has cancelled the transfer. A cancelled transfer gets a
    /// RET_UNLINK and no RET_SUBMIT.
    pub(crate) unlink: LockedBy<Option<u32>, Outbox>,
    /// Whether the reply waits to be sent, so that it is too late to cancel.
    pub(crate) posted: LockedBy<bool, Outbox>,
}

impl Job {
    /// The job that `cmd` makes. The client is charged with `bytes` until the job is dropped.
    pub(crate) fn for_submit(
        export: &Arc<Export>,
        cmd: &CmdSubmit,
        kind: EndpointKind,
        answer: Answer,
        bytes: usize,
    ) -> Self {
        export.budget.charge(bytes);
        Self {
            export: export.clone(),
            seqnum: cmd.seqnum,
            direction: cmd.direction,
            is_iso: kind == EndpointKind::Isochronous,
            is_control: kind == EndpointKind::Control,
            is_urgent: kind != EndpointKind::Bulk,
            packets: cmd.packets,
            charged: Some(bytes),
            answer,
            setup: cmd.setup,
            unlink: LockedBy::new(&export.outbox, None),
            posted: LockedBy::new(&export.outbox, false),
        }
    }

    /// The job of telling that there was nothing to cancel.
    pub(crate) fn for_unlink(export: &Arc<Export>, ret: RetUnlink) -> Self {
        export.budget.charge(0);
        Self {
            export: export.clone(),
            seqnum: ret.seqnum,
            direction: Direction::Out,
            is_iso: false,
            is_control: false,
            // Not before the reply to the request that it was to cancel.
            is_urgent: false,
            packets: 0,
            charged: Some(0),
            answer: Answer::Unlinked(ret),
            setup: [0; 8],
            unlink: LockedBy::new(&export.outbox, None),
            posted: LockedBy::new(&export.outbox, false),
        }
    }

    /// The client has its answer.
    pub(crate) fn discharge(&mut self) {
        if let Some(bytes) = self.charged.take() {
            self.export.budget.release(bytes);
        }
    }

    /// Whether the transfer can serve again.
    pub(crate) fn is_reusable(&self) -> bool {
        matches!(self.answer, Answer::Outcome)
    }

    /// The RET_SUBMIT for this job.
    pub(crate) fn ret_submit(this: &ListArc<Transfer<Self>>) -> RetSubmit {
        let job = this.data();
        let mut ret = RetSubmit {
            seqnum: job.seqnum,
            status: 0,
            actual_length: 0,
            start_frame: 0,
            packets: job.packets,
            error_count: 0,
        };
        match job.answer {
            Answer::Status(status) => {
                ret.status = status;
                ret.packets = 0;
            }
            Answer::Unlinked(_) => {}
            Answer::Outcome => {
                let outcome = Transfer::outcome(this);
                ret.status = outcome.status;
                ret.actual_length = i32::try_from(outcome.actual_length).unwrap_or(i32::MAX);
                ret.start_frame = outcome.start_frame;
                ret.error_count = outcome.error_count;
            }
        }
        ret
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.discharge();
    }
}

impl Handler for Job {
    fn complete(transfer: ListArc<Transfer<Self>>) {
        let export = transfer.data().export.clone();
        export.post(transfer);
    }
}
