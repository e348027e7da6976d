// SPDX-License-Identifier: GPL-2.0

//! The thread that sends replies.

use super::{
    export::Export,
    job::{
        Answer,
        Job, //
    },
    outbox::Outbox, //
};
use kernel::{
    list::ListArc,
    prelude::*,
    sync::Arc, //
};
use usbip::{
    kthread::Body,
    link::EndReason,
    net::{
        Piece,
        Pieces,
        Room,
        Socket, //
    },
    protocol::{
        Direction,
        Reply,
        RetUnlink,
        HEADER_LEN, //
    },
    usb::{
        iso::Encoded,
        transfer::Transfer, //
    }, //
};

/// The most replies that are sent at once.
const BATCH: usize = 16;

/// No more replies are sent along with so many bytes of payload.
const BATCH_BYTES: usize = 32768;

/// What follows a header.
enum Tail {
    /// Nothing.
    Empty,
    /// The first bytes of the buffer.
    Data(u32),
    /// The descriptors of isochronous packets, and before them what the packets hold, if that is for
    /// the client.
    Packets(Encoded),
}

/// A reply that is about to be sent.
struct Outgoing {
    job: ListArc<Transfer<Job>>,
    /// The seqnum of the CMD_UNLINK to answer instead.
    unlink: Option<u32>,
    header: [u8; HEADER_LEN],
    tail: Tail,
}

impl Outgoing {
    fn new(job: ListArc<Transfer<Job>>, unlink: Option<u32>) -> Self {
        Self {
            job,
            unlink,
            header: [0; HEADER_LEN],
            tail: Tail::Empty,
        }
    }

    /// Bytes that follow the header of a successful transfer.
    fn payload_len(&self) -> usize {
        match self.job.data().direction {
            Direction::In => Transfer::outcome(&self.job).actual_length as usize,
            Direction::Out => 0,
        }
    }

    /// Makes the PDU.
    fn prepare(&mut self) -> Result {
        let mut ret = Job::ret_submit(&self.job);
        let job = self.job.data();
        let reply = match (&job.answer, self.unlink) {
            (Answer::Unlinked(ret), _) => Reply::Unlink(*ret),
            (_, Some(seqnum)) => Reply::Unlink(RetUnlink {
                seqnum,
                status: ret.status,
            }),
            (Answer::Outcome, None) if job.is_iso => {
                ret.actual_length = i32::try_from(Transfer::packets_length(&self.job))?;
                self.tail = Tail::Packets(Transfer::encoded_packets(&self.job)?);
                Reply::Submit(ret)
            }
            (_, None) => {
                if job.direction == Direction::In && ret.actual_length > 0 {
                    self.tail = Tail::Data(u32::try_from(ret.actual_length)?);
                }
                Reply::Submit(ret)
            }
        };
        usbip::usbip_dbg!(Xmit, "{reply:?}\n");
        self.header = reply.encode();
        Ok(())
    }

    /// Adds the memory that the PDU is sent from.
    fn gather<'a>(&'a mut self, pieces: &mut Pieces<'a>) -> Result {
        pieces.push(Piece::Bytes(&self.header))?;
        match &self.tail {
            Tail::Empty => {}
            Tail::Data(length) => {
                let data = Transfer::outgoing(&mut self.job, *length)?;
                pieces.push(data)?;
            }
            Tail::Packets(descriptors) => {
                if self.job.data().direction == Direction::In {
                    Transfer::gather_packets(&mut self.job, pieces)?;
                }
                pieces.push(Piece::Bytes(descriptors.as_flattened()))?;
            }
        }
        Ok(())
    }
}

/// Sends what the export owes its client.
pub(crate) struct Sender {
    export: Arc<Export>,
    socket: Arc<Socket>,
    /// What is being sent; empty in between.
    batch: KVec<Outgoing>,
    room: Room,
}

impl Body for Sender {
    const NAME: &'static CStr = c"stub_tx";

    fn run(mut self) {
        let export = self.export.clone();
        while export.take_jobs(|outbox| self.take(outbox)).is_some() {
            if let Err(error) = self.send() {
                dev_err!(
                    export.device().device(),
                    "sendmsg failed! {}\n",
                    error.to_errno()
                );
                export.end(EndReason::Failed);
                return;
            }
            for pdu in self.batch.drain_all() {
                export.pool.put(pdu.job);
            }
        }
    }
}

impl Sender {
    pub(crate) fn new(export: Arc<Export>, socket: Arc<Socket>) -> Result<Self> {
        let batch = KVec::with_capacity(BATCH, GFP_KERNEL)?;
        Ok(Self {
            export,
            socket,
            batch,
            room: Room::new(),
        })
    }

    /// Takes replies until the batch is full; returns whether there were any.
    fn take(&mut self, outbox: &mut Outbox) -> bool {
        let mut bytes = 0;
        while self.batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(job) = outbox.next_job() else {
                break;
            };
            let unlink = *job.data().unlink.access(outbox);
            let pdu = Outgoing::new(job, unlink);
            bytes += pdu.payload_len();
            // There is room, as has just been seen.
            let _ = self.batch.push_within_capacity(pdu);
        }
        !self.batch.is_empty()
    }

    /// Sends the batch, for as long as the connection lasts.
    fn send(&mut self) -> Result {
        let mut pieces = self.room.list();
        for pdu in &mut self.batch {
            pdu.prepare()?;
            pdu.gather(&mut pieces)?;
        }
        self.socket.send(&pieces, || !self.export.has_ended())
    }
}
