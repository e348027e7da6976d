// SPDX-License-Identifier: GPL-2.0

//! Valid replies of a device, which has something to say on every endpoint.

use crate::mutation::Message;
use contract::pdu::Pdu;
use contract::scripted::Scripted;
use fastrand::Rng;
use usbip_protocol::{CmdSubmit, Direction, IsoDescriptor, Reply, Request, RetSubmit, RetUnlink};

const STALL: i32 = -32;
const CANCELLED: i32 = -104;

/// A scripted device that answers all its endpoints, and now and then lets a request wait.
pub struct Device {
    /// What it is, and its control requests.
    pub scripted: Scripted,
    waiting: Vec<Pdu>,
}

impl Device {
    /// A device nothing has been asked of.
    pub fn new(scripted: Scripted) -> Self {
        Self {
            scripted,
            waiting: Vec::new(),
        }
    }

    /// The replies a request leads to: none while it waits, or those of earlier ones too.
    pub fn replies(&mut self, rng: &mut Rng, pdu: Pdu) -> Vec<Message> {
        let mut replies = Vec::new();
        match &pdu.request {
            Request::Unlink(unlink) => {
                let victim = unlink.victim;
                let before = self.waiting.len();
                self.waiting.retain(|waiting| waiting.seqnum() != victim);
                let status = match self.waiting.len() == before {
                    true => 0,
                    false => CANCELLED,
                };
                let ret = RetUnlink {
                    seqnum: unlink.seqnum,
                    status,
                };
                replies.push(Message::bare(Reply::Unlink(ret).encode()));
            }
            Request::Submit(submit) if submit.ep != 0 && rng.usize(..4) == 0 => {
                self.waiting.push(pdu);
                return replies;
            }
            Request::Submit(submit) => replies.push(self.reply(rng, submit, &pdu.packets)),
        }
        if !self.waiting.is_empty() && rng.usize(..3) == 0 {
            let late = self.waiting.swap_remove(rng.usize(..self.waiting.len()));
            replies.extend(
                late.submit()
                    .map(|submit| self.reply(rng, submit, &late.packets)),
            );
        }
        replies
    }

    fn reply(&self, rng: &mut Rng, submit: &CmdSubmit, packets: &[IsoDescriptor]) -> Message {
        if submit.ep == 0 {
            let (status, data) = self
                .scripted
                .control(submit.setup)
                .unwrap_or((STALL, Vec::new()));
            let length = match (submit.direction, status) {
                (Direction::In, _) => data.len(),
                (Direction::Out, 0) => usize::try_from(submit.length).unwrap_or_default(),
                (Direction::Out, _) => 0,
            };
            let mut message = message(submit, status, length, &[]);
            if submit.direction == Direction::In {
                message.body = data;
            }
            return message;
        }
        if !packets.is_empty() {
            return isochronous(rng, submit, packets);
        }
        let length = match rng.u8(..3) {
            0 => rng.u32(0..=submit.length),
            _ => submit.length,
        };
        message(submit, 0, usize::try_from(length).unwrap_or_default(), &[])
    }
}

/// A RET_SUBMIT that says that `length` bytes were transferred.
fn message(submit: &CmdSubmit, status: i32, length: usize, packets: &[IsoDescriptor]) -> Message {
    let ret = RetSubmit {
        seqnum: submit.seqnum,
        status,
        actual_length: i32::try_from(length).unwrap_or_default(),
        start_frame: submit.start_frame,
        packets: i32::try_from(packets.len()).unwrap_or_default(),
        error_count: 0,
    };
    let mut body = match submit.direction {
        Direction::In => vec![0x5a; length],
        Direction::Out => Vec::new(),
    };
    body.extend(packets.iter().flat_map(IsoDescriptor::encode));
    Message {
        header: Reply::Submit(ret).encode(),
        body,
    }
}

/// The packets of a transfer, of which those to read may be short.
fn isochronous(rng: &mut Rng, submit: &CmdSubmit, packets: &[IsoDescriptor]) -> Message {
    let mut packets = packets.to_vec();
    let mut total = 0;
    for packet in &mut packets {
        packet.actual_length = match (submit.direction, rng.bool()) {
            (Direction::In, true) => rng.u32(0..=packet.length),
            _ => packet.length,
        };
        total += packet.actual_length;
    }
    message(
        submit,
        0,
        usize::try_from(total).unwrap_or_default(),
        &packets,
    )
}
