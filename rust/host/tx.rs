// SPDX-License-Identifier: GPL-2.0

//! The thread that sends replies.

use super::{
    export::Export,
    job::{
        Answer,
        Job, //
    }, //
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
        Payload,
        SendPart,
        Socket, //
    },
    protocol::{
        Direction,
        Reply,
        RetSubmit,
        RetUnlink, //
    },
    usb::transfer::Transfer, //
};

/// Sends what the export owes its client.
pub(crate) struct Sender {
    export: Arc<Export>,
    socket: Arc<Socket>,
}

impl Body for Sender {
    const NAME: &'static CStr = c"stub_tx";

    fn run(self) {
        while let Some((job, unlink)) = self.export.next_job() {
            if let Err(error) = self.send(job, unlink) {
                dev_err!(
                    self.export.device().device(),
                    "sendmsg failed! {}\n",
                    error.to_errno()
                );
                self.export.end(EndReason::Failed);
                return;
            }
        }
    }
}

impl Sender {
    pub(crate) fn new(export: Arc<Export>, socket: Arc<Socket>) -> Self {
        Self { export, socket }
    }

    fn send(&self, job: ListArc<Transfer<Job>>, unlink: Option<u32>) -> Result {
        if let Answer::Unlinked(ret) = job.data().answer {
            return self.send_header(Reply::Unlink(ret));
        }
        let ret = Job::ret_submit(&job);
        match unlink {
            Some(seqnum) => self.send_header(Reply::Unlink(RetUnlink {
                seqnum,
                status: ret.status,
            })),
            None if job.data().is_iso => self.send_iso(job, ret),
            None => self.send_outcome(job, ret),
        }
    }

    /// Sends for as long as the connection lasts.
    fn send_parts(&self, parts: &[SendPart<'_>]) -> Result {
        self.socket.send(parts, || !self.export.has_ended())
    }

    fn send_header(&self, reply: Reply) -> Result {
        usbip::usbip_dbg!(Xmit, "{reply:?}\n");
        self.send_parts(&[SendPart::new(&reply.encode())])
    }

    /// Sends a reply that is not isochronous.
    fn send_outcome(&self, mut job: ListArc<Transfer<Job>>, ret: RetSubmit) -> Result {
        let length = match job.data().direction {
            Direction::In => u32::try_from(ret.actual_length).unwrap_or(0),
            Direction::Out => 0,
        };
        if length == 0 {
            return self.send_header(Reply::Submit(ret));
        }
        let reply = Reply::Submit(ret);
        usbip::usbip_dbg!(Xmit, "{reply:?}\n");
        let header = reply.encode();
        let data = Transfer::payload(&mut job, length)?;
        self.socket
            .send_pdu(&header, data, &[], || !self.export.has_ended())
    }

    /// Sends an isochronous reply: of IN data, only what the packets hold, back to back.
    fn send_iso(&self, mut job: ListArc<Transfer<Job>>, mut ret: RetSubmit) -> Result {
        if !matches!(job.data().answer, Answer::Outcome) {
            return self.send_header(Reply::Submit(ret));
        }
        let is_in = job.data().direction == Direction::In;
        let mut places = KVec::new();
        let mut total = 0;
        for packet in Transfer::packets(&job) {
            let length = packet.actual_length.min(packet.length);
            places.push((packet.offset as usize, length as usize), GFP_KERNEL)?;
            total += length;
        }
        ret.actual_length = i32::try_from(total)?;

        let header = Reply::Submit(ret).encode();
        let descriptors = Transfer::encoded_packets(&mut job)?;
        let Payload::Linear(data) = Transfer::payload(&mut job, u32::MAX)? else {
            return Err(EINVAL);
        };
        let mut parts = KVec::with_capacity(places.len() + 2, GFP_KERNEL)?;
        parts.push(SendPart::new(&header), GFP_KERNEL)?;
        if is_in {
            for (offset, length) in places {
                let packet = data.get(offset..offset + length).ok_or(EINVAL)?;
                parts.push(SendPart::new(packet), GFP_KERNEL)?;
            }
        }
        parts.push(SendPart::new(&descriptors), GFP_KERNEL)?;
        self.send_parts(&parts)
    }
}
