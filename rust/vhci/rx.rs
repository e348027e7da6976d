// SPDX-License-Identifier: GPL-2.0

//! The thread that receives replies.

use super::{
    early::EarlyReply,
    pending::Target,
    port::Port, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
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
        Direction,
        IsoDescriptor,
        ProtocolError,
        Reply,
        RetSubmit,
        RetUnlink,
        MAX_ISO_PACKETS, //
    },
    usb::{
        iso::receive,
        linked::LinkedUrb, //
    }, //
};

/// Receives what the peer sends.
pub(crate) struct Receiver {
    port: Arc<Port>,
    inbox: Inbox<Port>,
}

impl Body for Receiver {
    const NAME: &'static CStr = c"vhci_rx";

    fn run(mut self) {
        self.inbox.start(self.port.clone());
        loop {
            let handled = match self.inbox.header().map(Reply::decode) {
                Ok(reply) => self.handle(reply),
                Err(RecvError::TimedOut) if self.port.inner.lock().pending.is_empty() => continue,
                Err(error) => Err(self.explain(&error)),
            };
            if let Err(reason) = handled {
                self.port.end(reason);
                return;
            }
        }
    }
}

impl Receiver {
    pub(crate) fn new(port: Arc<Port>, socket: Arc<Socket>) -> Result<Self> {
        let inbox = Inbox::new(socket)?;
        Ok(Self { port, inbox })
    }

    fn handle(&mut self, reply: Result<Reply, ProtocolError>) -> Result<(), EndReason> {
        let reply = reply.map_err(|error| {
            dev_err!(self.port.hub.dev, "{error}\n");
            EndReason::Failed
        })?;
        usbip::usbip_dbg!(Xmit, "{reply:?}\n");
        match reply {
            Reply::Submit(ret) => self.submitted(ret),
            Reply::Unlink(ret) => {
                self.unlinked(ret);
                Ok(())
            }
        }
    }

    fn submitted(&mut self, ret: RetSubmit) -> Result<(), EndReason> {
        let target = self.port.inner.lock().pending.reply_target(ret.seqnum);
        match target {
            Some(Target::Urb(mut urb)) => {
                let received = self.receive(&mut urb, &ret);
                let status = received.as_ref().copied();
                self.port
                    .give_back_received(urb, status.unwrap_or(EPROTO.to_errno()));
                received.map(drop)
            }
            Some(Target::Sending(seqnum, is_iso)) => {
                // Only requests with data are still being sent, so the reply has none.
                let count = if is_iso { ret.packets } else { 0 };
                let packets = self.receive_packets(count, MAX_ISO_PACKETS)?;
                let reply = KBox::new(EarlyReply { ret, packets }, GFP_KERNEL)
                    .map_err(|error| self.explain(&RecvError::Failed(error.into())))?;
                let finished = self.port.inner.lock().pending.park(seqnum, reply);
                if let Some((urb, reply)) = finished {
                    finish(&self.port, urb, &reply);
                }
                Ok(())
            }
            Some(Target::Reset) => {
                self.port.device_reset();
                Ok(())
            }
            None => {
                dev_err!(
                    self.port.hub.dev,
                    "cannot find a urb of seqnum {}\n",
                    ret.seqnum
                );
                Err(EndReason::Failed)
            }
        }
    }

    /// Receives what follows the header of a reply, and stores what became of the URB. Returns the
    /// URB's status.
    fn receive(&mut self, urb: &mut LinkedUrb, ret: &RetSubmit) -> Result<i32, EndReason> {
        let actual_length = ret
            .checked_length(urb.length())
            .map_err(|error| self.refuse(&error))?;
        if urb.direction() == Direction::In {
            self.receive_data(urb, ret, actual_length)?;
        }
        let packets = if urb.is_iso() {
            Some(self.receive_packets(ret.packets, urb.packet_count())?)
        } else {
            None
        };
        let packets = packets.as_deref().unwrap_or_default();
        store(urb, ret, actual_length, packets).map_err(|error| {
            urb.set_outcome(ret, 0);
            self.refuse(&error)
        })
    }

    fn receive_data(
        &mut self,
        urb: &mut LinkedUrb,
        ret: &RetSubmit,
        length: u32,
    ) -> Result<(), EndReason> {
        if length == 0 {
            return Ok(());
        }
        let packets = usize::try_from(ret.packets).unwrap_or(0);
        let behind = packets.min(urb.packet_count()) * IsoDescriptor::LEN;
        let received = urb
            .data(length)
            .map_err(RecvError::Failed)
            .and_then(|data| self.inbox.payload(data, behind));
        received.map_err(|error| self.explain(&error))
    }

    /// Receives the descriptors of `count` packets, of which there may be `limit`.
    fn receive_packets(
        &mut self,
        count: i32,
        limit: usize,
    ) -> Result<KVec<IsoDescriptor>, EndReason> {
        let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
        if count > limit {
            dev_err!(self.port.hub.dev, "invalid number of iso packets {count}\n");
            return Err(EndReason::Failed);
        }
        receive(&mut self.inbox, count).map_err(|error| self.explain(&error))
    }

    fn unlinked(&self, ret: RetUnlink) {
        let urb = self.port.inner.lock().pending.unlinked(ret.seqnum);
        if let Some(urb) = urb {
            self.port.give_back(urb, ret.status);
        }
    }

    fn refuse(&self, error: &ProtocolError) -> EndReason {
        dev_err!(self.port.hub.dev, "{error}\n");
        EndReason::Failed
    }

    /// Says why nothing more can be received.
    fn explain(&self, error: &RecvError) -> EndReason {
        let dev = &self.port.hub.dev;
        match error {
            RecvError::Closed => {
                dev_info!(dev, "connection closed\n");
                return EndReason::Closed;
            }
            RecvError::TimedOut => {
                dev_info!(dev, "connection timed out with pending urbs\n");
            }
            RecvError::Failed(error) if *error == ECONNRESET => {
                dev_info!(dev, "connection reset by peer\n");
            }
            // The thread is being stopped.
            RecvError::Failed(error) if *error == ERESTARTSYS => {}
            RecvError::Failed(error) => {
                dev_err!(dev, "xmit failed {}\n", error.to_errno());
            }
        }
        EndReason::Failed
    }
}

/// Stores what a reply says in its URB; the data is there already. Returns the URB's status.
///
/// Packets that are missing, or do not fit into their places, spoil the URB; packets that do not
/// add up spoil the connection.
fn store(
    urb: &mut LinkedUrb,
    ret: &RetSubmit,
    actual_length: u32,
    packets: &[IsoDescriptor],
) -> Result<i32, ProtocolError> {
    let status = ret.checked_status();
    if !urb.is_iso() {
        urb.set_outcome(ret, actual_length);
        return Ok(status);
    }
    if packets.is_empty() {
        urb.set_outcome(ret, 0);
        return Ok(if status == 0 {
            EPROTO.to_errno()
        } else {
            status
        });
    }
    let fit = packets
        .iter()
        .all(|packet| packet.actual_length <= urb.length());
    if fit {
        iso::check_sum(packets, actual_length)?;
    }
    if !fit || (urb.direction() == Direction::In && urb.spread_packets(packets).is_err()) {
        urb.set_outcome(ret, 0);
        return Ok(EPROTO.to_errno());
    }
    urb.set_packets(packets);
    urb.set_outcome(ret, actual_length);
    Ok(status)
}

/// Ends a URB whose reply carried no data.
pub(crate) fn finish(port: &Arc<Port>, mut urb: LinkedUrb, reply: &EarlyReply) {
    let stored = reply
        .ret
        .checked_length(urb.length())
        .and_then(|actual_length| store(&mut urb, &reply.ret, actual_length, &reply.packets));
    port.give_back(urb, stored.unwrap_or(EPROTO.to_errno()));
    if let Err(error) = stored {
        dev_err!(port.hub.dev, "{error}\n");
        port.end(EndReason::Failed);
    }
}
