// SPDX-License-Identifier: GPL-2.0

//! The thread that sends requests.

use super::{
    pending::{
        Job,
        Reservation, //
    },
    port::Port,
    state::Inner, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::msecs_to_jiffies, //
};
use usbip::{
    compat::SpinLockIrqGuard,
    kthread::Body,
    link::EndReason,
    net::{
        Piece,
        Pieces,
        Room,
        Socket, //
    },
    protocol::{
        CmdSubmit,
        CmdUnlink,
        Direction,
        Request,
        HEADER_LEN, //
    },
    usb::{
        iso::Encoded,
        linked::LinkedUrb, //
    }, //
};

/// How often a send that the peer does not let go on looks for a cancellation that waits for it.
const ASK_SECONDS: i64 = 5;

/// How often an idle sender looks for a cancellation without an answer, while there is one.
const WAIT_MS: u32 = 5000;

/// The most PDUs that are sent at once.
const BATCH: usize = 16;

/// No more PDUs are sent along with so many bytes of payload.
const BATCH_BYTES: usize = 32768;

/// A PDU that is about to be sent.
struct Outgoing {
    seqnum: u64,
    header: [u8; HEADER_LEN],
    /// The URB, if the PDU needs its data or its packets.
    urb: Option<LinkedUrb>,
    packets: Option<Encoded>,
}

impl Outgoing {
    fn new(seqnum: u64, request: Request, urb: Option<LinkedUrb>) -> Self {
        usbip::usbip_dbg!(Xmit, "{request:?}\n");
        Self {
            seqnum,
            header: request.encode(),
            urb,
            packets: None,
        }
    }

    /// Bytes of payload.
    fn payload_len(&self) -> usize {
        self.urb.as_ref().map_or(0, |urb| urb.length() as usize)
    }

    /// Adds the memory that the PDU is sent from.
    fn gather<'a>(&'a mut self, pieces: &mut Pieces<'a>) -> Result {
        pieces.push(Piece::Bytes(&self.header))?;
        if let Some(urb) = &mut self.urb {
            let length = urb.length();
            pieces.push(urb.data(length)?.into())?;
        }
        if let Some(packets) = &self.packets {
            pieces.push(Piece::Bytes(packets.as_flattened()))?;
        }
        Ok(())
    }
}

/// Sends what the port has taken.
pub(crate) struct Sender {
    port: Arc<Port>,
    socket: Arc<Socket>,
    /// What is being sent; empty in between.
    batch: KVec<Outgoing>,
    room: Room,
}

impl Body for Sender {
    const NAME: &'static CStr = c"vhci_tx";

    fn run(mut self) {
        self.socket.ask_every(ASK_SECONDS);
        let mut node = None;
        while self.collect(&mut node).is_some() {
            let result = self.prepare().and_then(|()| self.send());
            for pdu in &mut self.batch {
                if let Some(urb) = pdu.urb.take() {
                    self.port.sent(pdu.seqnum, urb);
                }
            }
            self.batch.clear();
            if let Err(error) = result {
                dev_dbg!(self.port.hub.dev, "send failed: {error:?}\n");
                self.port.end(EndReason::Failed);
                return;
            }
        }
    }
}

impl Sender {
    pub(crate) fn new(port: Arc<Port>, socket: Arc<Socket>) -> Result<Self> {
        let batch = KVec::with_capacity(BATCH, GFP_KERNEL)?;
        Ok(Self {
            port,
            socket,
            batch,
            room: Room::new(),
        })
    }

    /// Waits for jobs and takes those that can be sent together. Nothing comes once the connection
    /// has ended.
    fn collect(&mut self, node: &mut Option<Reservation>) -> Option<()> {
        let Self { port, batch, .. } = self;
        let mut inner = port.inner.lock();
        loop {
            if node.is_none() {
                drop(inner);
                *node = Reservation::new(GFP_KERNEL).ok();
                inner = port.inner.lock();
            }
            let devid = inner.devid()?;
            if inner.pending.is_overdue() {
                drop(inner);
                dev_err!(port.hub.dev, "no answer to a cancelled urb\n");
                port.end(EndReason::Failed);
                return None;
            }
            if core::mem::take(&mut inner.is_news) {
                drop(inner);
                port.announce();
                inner = port.inner.lock();
                continue;
            }
            take(batch, &mut inner, devid, node, || port.hub.next_seqnum());
            if !batch.is_empty() {
                return Some(());
            }
            // A cancellation or a reset that found no memory is tried again.
            if node.is_none() && inner.pending.wants_node() {
                continue;
            }
            wait(port, &mut inner);
        }
    }

    /// Adds what a URB's packets need, and lets go of the URBs whose data comes from the peer.
    fn prepare(&mut self) -> Result {
        for pdu in &mut self.batch {
            let Some(urb) = pdu.urb.as_mut().filter(|urb| urb.is_iso()) else {
                continue;
            };
            pdu.packets = Some(urb.encoded_packets()?);
            if urb.direction() == Direction::In {
                if let Some(urb) = pdu.urb.take() {
                    self.port.sent(pdu.seqnum, urb);
                }
            }
        }
        Ok(())
    }

    /// Sends the batch, unless a cancellation has been waiting for too long.
    fn send(&mut self) -> Result {
        let mut pieces = self.room.list();
        for pdu in &mut self.batch {
            pdu.gather(&mut pieces)?;
        }
        self.socket.send(&pieces, || !self.port.is_overdue())
    }
}

/// Takes jobs until there are none, or the batch is full.
fn take(
    batch: &mut KVec<Outgoing>,
    inner: &mut SpinLockIrqGuard<'_, Inner>,
    devid: u32,
    node: &mut Option<Reservation>,
    new_seqnum: impl Fn() -> u64,
) {
    let mut bytes = 0;
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        let Some(job) = inner.pending.next_job(devid, node, &new_seqnum) else {
            return;
        };
        let pdu = match job {
            Job::Submit(seqnum, cmd, urb) => Outgoing::new(seqnum, Request::Submit(cmd), urb),
            Job::Reset(seqnum) => Outgoing::new(seqnum, reset(seqnum, devid), None),
            Job::Unlink(seqnum, victim) => {
                Outgoing::new(seqnum, unlink(seqnum, victim, devid), None)
            }
        };
        bytes += pdu.payload_len();
        // There is room, as has just been seen.
        let _ = batch.push_within_capacity(pdu);
    }
}

/// Waits for a job, or for the end of the connection.
fn wait(port: &Port, inner: &mut SpinLockIrqGuard<'_, Inner>) {
    inner.sender_waits = true;
    // Both end early when the thread is told to stop, which is after the connection ended.
    if inner.pending.has_cancelled() {
        let timeout = msecs_to_jiffies(WAIT_MS);
        let _ = port
            .work_for_sender
            .wait_interruptible_timeout(inner, timeout);
    } else {
        let _ = port.work_for_sender.wait_interruptible(inner);
    }
    inner.sender_waits = false;
}

/// Asks for a reset of the device, in the words of a hub request: SetPortFeature(PORT_RESET)
/// (USB 2.0, table 11-15). Linux's stub takes it so; others stall.
fn reset(seqnum: u64, devid: u32) -> Request {
    Request::Submit(CmdSubmit {
        seqnum: seqnum as u32,
        devid,
        direction: Direction::Out,
        ep: 0,
        flags: 0,
        length: 0,
        start_frame: 0,
        packets: 0,
        interval: 0,
        setup: [0x23, 0x03, 0x04, 0, 0, 0, 0, 0],
    })
}

fn unlink(seqnum: u64, victim: u64, devid: u32) -> Request {
    Request::Unlink(CmdUnlink {
        seqnum: seqnum as u32,
        devid,
        victim: victim as u32,
    })
}
