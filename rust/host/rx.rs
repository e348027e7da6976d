// SPDX-License-Identifier: GPL-2.0

//! The thread that receives requests.

use super::{
    budget::Excess,
    export::Export,
    job::{
        Answer,
        Job, //
    },
    special::{
        Cancelled,
        Special, //
    }, //
};
use kernel::{
    list::ListArc,
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};
use usbip::{
    compat::{
        ECONNRESET,
        EPROTO, //
    },
    kthread::Body,
    link::EndReason,
    net::{
        Inbox,
        RecvError,
        Socket, //
    },
    protocol::{
        iso,
        CmdSubmit,
        CmdUnlink,
        IsoDescriptor,
        ProtocolError,
        Request,
        RetUnlink, //
    },
    usb::{
        buffer::Buffer,
        iso::receive,
        transfer::{
            setup_direction,
            Transfer, //
        },
        Device,
        Endpoint,
        EndpointKind, //
    }, //
};

/// Transfers up to this size, in bytes, are not worth a scatter list.
pub(super) const MAX_SMALL: u32 = 16384;

/// Whether a transfer gets pages, not one piece of memory.
pub(super) fn wants_pages(device: &Device, endpoint: Endpoint, cmd: &CmdSubmit) -> bool {
    endpoint.kind == EndpointKind::Bulk && cmd.length > MAX_SMALL && device.takes_scatter_lists()
}

/// Receives what the client sends.
pub(crate) struct Receiver {
    export: Arc<Export>,
    inbox: Inbox<Export>,
    /// Whether a special request has been posted that may not be carried out yet.
    behind_special: bool,
}

impl Body for Receiver {
    const NAME: &'static CStr = c"stub_rx";

    fn run(mut self) {
        self.inbox.start(self.export.clone());
        loop {
            let handled = match self.inbox.header().map(Request::decode) {
                Ok(request) => self.handle(request),
                Err(error) => Err(self.explain(&error)),
            };
            if let Err(reason) = handled {
                self.export.end(reason);
                return;
            }
        }
    }
}

impl Receiver {
    pub(crate) fn new(export: Arc<Export>, socket: Arc<Socket>) -> Result<Self> {
        let inbox = Inbox::new(socket)?;
        Ok(Self {
            export,
            inbox,
            behind_special: false,
        })
    }

    fn handle(&mut self, request: Result<Request, ProtocolError>) -> Result<(), EndReason> {
        let dev = self.export.device().device();
        let request = request.map_err(|error| {
            dev_err!(dev, "{error}\n");
            EndReason::Failed
        })?;
        usbip::usbip_dbg!(Xmit, "{request:?}\n");
        if request.devid() != self.export.devid {
            dev_err!(dev, "recv invalid request\n");
            return Err(EndReason::Failed);
        }
        match request {
            Request::Submit(cmd) => self.submit(&cmd),
            Request::Unlink(cmd) => self.unlink(&cmd),
        }
    }

    /// Starts a transfer. What cannot be started is answered with an error, after what follows the
    /// header has been read: the stream goes on.
    fn submit(&mut self, cmd: &CmdSubmit) -> Result<(), EndReason> {
        let endpoint = self.endpoint(cmd);
        let room = self.room_for(cmd)?;
        let prepared = endpoint
            .ok_or(EPIPE)
            .and_then(|endpoint| room.and_then(|()| self.prepare(cmd, endpoint)));
        let mut transfer = match prepared {
            Ok(transfer) => transfer,
            Err(error) => {
                self.drain(cmd, endpoint)?;
                return self.answer(cmd, error);
            }
        };
        self.receive_payload(cmd, &mut transfer)?;
        if transfer.data().is_iso {
            let packets = self.receive_packets(cmd)?;
            if let Err(error) = iso::check_request(&packets, cmd.length) {
                self.export.complain(fmt!("{error}"));
                return self.answer(cmd, EPROTO);
            }
            Transfer::set_packets(&mut transfer, &packets);
        }
        self.start(transfer);
        Ok(())
    }

    /// The endpoint a request is for, as it is after the special requests before it: a client need
    /// not wait for their answers.
    fn endpoint(&mut self, cmd: &CmdSubmit) -> Option<Endpoint> {
        if self.behind_special && cmd.ep != 0 {
            self.behind_special = self.export.wait_for_specials(cmd.ep, cmd.direction);
        }
        self.export.device().endpoint(cmd.ep, cmd.direction)
    }

    /// Whether the client may have one more transfer; `ENOMEM` if not. A client that does not read
    /// its answers either is let go.
    fn room_for(&self, cmd: &CmdSubmit) -> Result<Result, EndReason> {
        let bytes = usize::try_from(cmd.length).unwrap_or(usize::MAX);
        match self.export.budget.check(bytes) {
            Ok(()) => Ok(Ok(())),
            Err(Excess::Transfer) => Ok(Err(ENOMEM)),
            Err(Excess::Answer) => Err(self.too_many()),
        }
    }

    fn too_many(&self) -> EndReason {
        dev_err!(
            self.export.device().device(),
            "too many unanswered requests\n"
        );
        EndReason::Failed
    }

    /// Makes the transfer `cmd` asks for.
    ///
    /// Fails with `EPROTO` for a request that contradicts itself, or `ENOMEM` for one that is too
    /// large.
    fn prepare(&self, cmd: &CmdSubmit, endpoint: Endpoint) -> Result<ListArc<Transfer<Job>>> {
        if endpoint.kind == EndpointKind::Control {
            let [.., low, high] = cmd.setup;
            let wanted = u32::from(u16::from_le_bytes([low, high]));
            if wanted != cmd.length || (wanted > 0 && setup_direction(&cmd.setup) != cmd.direction)
            {
                return Err(EPROTO);
            }
        }
        let device = self.export.device();
        let length = usize::try_from(cmd.length)?;
        let scatter = wants_pages(device, endpoint, cmd);
        let job = Job::for_submit(&self.export, cmd, endpoint.kind, Answer::Outcome, length);
        let packets = endpoint.packets(cmd)?;
        if let Some(spare) = self.export.pool.take(scatter, length, packets) {
            return spare.reuse(device, endpoint, cmd, job);
        }
        let buffer = if scatter {
            Buffer::pages(length)?
        } else {
            Buffer::linear(length)?
        };
        Transfer::new(device, endpoint, cmd, buffer, job)
    }

    fn receive_payload(
        &mut self,
        cmd: &CmdSubmit,
        transfer: &mut ListArc<Transfer<Job>>,
    ) -> Result<(), EndReason> {
        if cmd.payload_len() == 0 {
            return Ok(());
        }
        let behind = Transfer::packet_count(transfer) * IsoDescriptor::LEN;
        let received = Transfer::payload(transfer, cmd.length)
            .map_err(RecvError::Failed)
            .and_then(|payload| self.inbox.payload(payload, behind));
        received.map_err(|error| self.explain(&error))
    }

    fn receive_packets(&mut self, cmd: &CmdSubmit) -> Result<KVec<IsoDescriptor>, EndReason> {
        cmd.iso_packets()
            .map_err(|error| RecvError::Failed(error.into()))
            .and_then(|count| receive(&mut self.inbox, count))
            .map_err(|error| self.explain(&error))
    }

    /// Reads and forgets what follows the header of a request that is refused.
    fn drain(&mut self, cmd: &CmdSubmit, endpoint: Option<Endpoint>) -> Result<(), EndReason> {
        let packets = match (endpoint.map(|endpoint| endpoint.kind), cmd.iso_packets()) {
            // A packet count says that an endpoint we do not know is isochronous.
            (Some(EndpointKind::Isochronous) | None, Ok(count)) => count * IsoDescriptor::LEN,
            // How much follows cannot be known.
            (Some(EndpointKind::Isochronous), Err(_)) if cmd.packets != 0 => {
                return Err(EndReason::Failed)
            }
            _ => 0,
        };
        let count = u64::from(cmd.payload_len()) + packets as u64;
        self.inbox.skip(count).map_err(|error| self.explain(&error))
    }

    /// Submits a request, or has it carried out.
    fn start(&mut self, transfer: ListArc<Transfer<Job>>) {
        let job = transfer.data();
        let waits = job.is_control
            && (Special::from_setup(&job.setup).is_some()
                || self.export.outbox.lock().specials.is_busy());
        if waits {
            self.behind_special = true;
            self.export.post_special(transfer);
        } else {
            self.export.submit(transfer);
        }
    }

    /// Answers a request that has not been carried out.
    fn answer(&self, cmd: &CmdSubmit, error: Error) -> Result<(), EndReason> {
        let answer = Answer::Status(error.to_errno());
        let job = Job::for_submit(&self.export, cmd, EndpointKind::Control, answer, 0);
        self.post(job)
    }

    /// Cancels a transfer.
    fn unlink(&self, cmd: &CmdUnlink) -> Result<(), EndReason> {
        let Some(status) = self.cancel(cmd) else {
            return Ok(());
        };
        if let Err(Excess::Answer) = self.export.budget.check(0) {
            return Err(self.too_many());
        }
        let ret = RetUnlink {
            seqnum: cmd.seqnum,
            status,
        };
        self.post(Job::for_unlink(&self.export, ret))
    }

    /// Returns the status of the RET_UNLINK; none if the end of the transfer makes one.
    ///
    /// A request that is nowhere has been posted, so its RET_SUBMIT goes out first: a client that had
    /// the RET_UNLINK would know no such request. Where it may be is looked at in the order in which
    /// it comes there.
    fn cancel(&self, cmd: &CmdUnlink) -> Option<i32> {
        let export = &self.export;
        loop {
            let cancelled = export.outbox.lock().specials.cancel(cmd.victim);
            let is_passed_on = match cancelled {
                Cancelled::CarriedOut => return Some(ECONNRESET.to_errno()),
                Cancelled::Waiting(job) => {
                    drop(job);
                    return Some(ECONNRESET.to_errno());
                }
                Cancelled::PassedOn => true,
                Cancelled::Unknown => false,
            };
            if let Some(victim) = export.in_flight.find(|job| job.seqnum == cmd.victim) {
                if !self.mark_unlinked(victim.data(), cmd.seqnum) {
                    return Some(0);
                }
                // The controller may not have it yet: the worker passes requests on meanwhile.
                while victim.unlink() {
                    fsleep(Delta::from_micros(100));
                }
                return None;
            }
            if !is_passed_on && !export.in_flight.is_completing() {
                return Some(0);
            }
            fsleep(Delta::from_micros(100));
        }
    }

    /// Says that a CMD_UNLINK waits for the end of a transfer; returns whether that is still to
    /// come.
    fn mark_unlinked(&self, job: &Job, seqnum: u32) -> bool {
        let mut outbox = self.export.outbox.lock();
        if *job.posted.access(&outbox) {
            return false;
        }
        *job.unlink.access_mut(&mut outbox) = Some(seqnum);
        true
    }

    fn post(&self, job: Job) -> Result<(), EndReason> {
        let reply = Transfer::bare(job).map_err(|_| EndReason::Failed)?;
        self.export.post(reply);
        Ok(())
    }

    /// Says why nothing more can be received.
    fn explain(&self, error: &RecvError) -> EndReason {
        let dev = self.export.device().device();
        match error {
            RecvError::Closed => {
                usbip::usbip_dbg!(Xmit, "connection closed\n");
                return EndReason::Closed;
            }
            RecvError::TimedOut => dev_err!(dev, "recv a header, {}\n", EAGAIN.to_errno()),
            // The thread is being stopped.
            RecvError::Failed(error) if *error == ERESTARTSYS => {}
            RecvError::Failed(error) => dev_err!(dev, "recv failed, {}\n", error.to_errno()),
        }
        EndReason::Failed
    }
}
