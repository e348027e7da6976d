// SPDX-License-Identifier: GPL-2.0

//! The thread that sends requests.

use super::{
    pending::{
        Job,
        Reservation, //
    },
    port::Port,
    rx, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::msecs_to_jiffies, //
};
use usbip::{
    kthread::Body,
    link::EndReason,
    net::{
        SendPart,
        Socket, //
    },
    protocol::{
        CmdSubmit,
        CmdUnlink,
        Direction,
        Request, //
    },
    usb::linked::LinkedUrb, //
};

/// How often a send that the peer does not let go on looks for a cancellation that waits for it.
const ASK_SECONDS: i64 = 5;

/// How often an idle sender looks for a cancellation without an answer, while there is one.
const WAIT_MS: u32 = 5000;

/// Sends what the port has taken.
pub(crate) struct Sender {
    port: Arc<Port>,
    socket: Arc<Socket>,
}

impl Body for Sender {
    const NAME: &'static CStr = c"vhci_tx";

    fn run(self) {
        self.socket.ask_every(ASK_SECONDS);
        let mut node = None;
        while let Some((job, devid)) = self.next_job(&mut node) {
            let sent = match job {
                Job::Submit(seqnum, urb) => self.submit(seqnum, urb, devid),
                Job::Reset(seqnum) => self.reset(seqnum, devid),
                Job::Unlink(seqnum, victim) => self.unlink(seqnum, victim, devid),
                Job::Local(urb, status) => {
                    self.port.give_back(urb, status);
                    self.port.announce();
                    Ok(())
                }
            };
            if let Err(error) = sent {
                dev_dbg!(self.port.hub.dev, "send failed: {error:?}\n");
                self.port.end(EndReason::Failed);
                return;
            }
        }
    }
}

impl Sender {
    pub(crate) fn new(port: Arc<Port>, socket: Arc<Socket>) -> Self {
        Self { port, socket }
    }

    /// Waits for a job. Nothing comes once the connection has ended.
    fn next_job(&self, node: &mut Option<Reservation>) -> Option<(Job, u32)> {
        loop {
            if node.is_none() {
                *node = Reservation::new(GFP_KERNEL).ok();
            }
            let mut inner = self.port.inner.lock();
            let devid = inner.devid()?;
            let new_seqnum = || self.port.hub.next_seqnum();
            if let Some(job) = inner.pending.next_job(node, new_seqnum) {
                return Some((job, devid));
            }
            // A cancellation or a reset that found no memory is tried again.
            if node.is_some() || !inner.pending.wants_node() {
                // Both end early when the thread is told to stop, which is after the connection
                // ended.
                let work = &self.port.work_for_sender;
                if inner.pending.has_cancelled() {
                    let _ = work.wait_interruptible_timeout(&mut inner, msecs_to_jiffies(WAIT_MS));
                } else {
                    let _ = work.wait_interruptible(&mut inner);
                }
                if inner.pending.is_overdue() {
                    drop(inner);
                    dev_err!(self.port.hub.dev, "no answer to a cancelled urb\n");
                    self.port.end(EndReason::Failed);
                    return None;
                }
            }
        }
    }

    fn submit(&self, seqnum: u64, mut urb: LinkedUrb, devid: u32) -> Result {
        let cmd = urb.request(seqnum as u32, devid);
        usbip::usbip_dbg!(Xmit, "{cmd:?}\n");
        let header = Request::Submit(cmd).encode();
        let packets = if urb.is_iso() {
            urb.encoded_packets()
        } else {
            Ok(KVec::new())
        };
        let packets = match packets {
            Ok(packets) => packets,
            Err(error) => {
                self.sent(seqnum, urb);
                return Err(error);
            }
        };
        if cmd.direction == Direction::In {
            // The reply may come before `send()` returns, and its data needs the URB.
            self.sent(seqnum, urb);
            return self.send(&[SendPart::new(&header), SendPart::new(&packets)]);
        }
        let result = self.send_out(&header, &mut urb, &packets);
        self.sent(seqnum, urb);
        result
    }

    fn send_out(&self, header: &[u8], urb: &mut LinkedUrb, packets: &[u8]) -> Result {
        let data = urb.data(urb.length())?;
        self.socket
            .send_pdu(header, data, packets, || !self.port.is_overdue())
    }

    /// Sends, unless a cancellation has been waiting for too long.
    fn send(&self, parts: &[SendPart<'_>]) -> Result {
        self.socket.send(parts, || !self.port.is_overdue())
    }

    /// Puts a URB where the receiver finds it, unless its reply has come already.
    fn sent(&self, seqnum: u64, urb: LinkedUrb) {
        let early = self.port.inner.lock().pending.sent(seqnum, urb);
        if let Some((urb, reply)) = early {
            rx::finish(&self.port, urb, &reply);
        }
    }

    /// Asks for a reset of the device, in the words of a hub request: SetPortFeature(PORT_RESET)
    /// (USB 2.0, table 11-15). Linux's stub takes it so; others stall.
    fn reset(&self, seqnum: u64, devid: u32) -> Result {
        let cmd = CmdSubmit {
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
        };
        usbip::usbip_dbg!(Xmit, "{cmd:?}\n");
        let header = Request::Submit(cmd).encode();
        self.send(&[SendPart::new(&header)])
    }

    fn unlink(&self, seqnum: u64, victim: u64, devid: u32) -> Result {
        let cmd = CmdUnlink {
            seqnum: seqnum as u32,
            devid,
            victim: victim as u32,
        };
        usbip::usbip_dbg!(Xmit, "{cmd:?}\n");
        let header = Request::Unlink(cmd).encode();
        self.send(&[SendPart::new(&header)])
    }
}
