// SPDX-License-Identifier: GPL-2.0

//! The URBs a port has taken and not given back.
//!
//! An entry is named by its seqnum, in 64 bits so that the order of names is the order of
//! requests; the wire has the low 32. The token of a URB is either in its entry or with the one
//! who works on it, sender or receiver, so nobody gives a URB back while another uses its buffer.

use super::{
    early::EarlyReply,
    entry::{
        Entry,
        Phase,
        Unlink, //
    },
    patience::Patience, //
};
use kernel::{
    prelude::*,
    rbtree::{
        Entry as Place,
        OccupiedEntry,
        RBTree,
        RBTreeNodeReservation, //
    }, //
};
use usbip::{
    compat::EIDRM,
    usb::linked::LinkedUrb, //
};

pub(crate) use job::Job;

mod job;

/// Memory for an entry.
pub(crate) type Reservation = RBTreeNodeReservation<u64, Entry>;

/// The most unused entries that are kept for requests to come.
const MAX_SPARE: usize = 32;

/// What a RET_SUBMIT is for.
pub(crate) enum Target {
    /// A URB, now the receiver's.
    Urb(LinkedUrb),
    /// A URB that the sender still has, and whether it is isochronous.
    Sending(u64, bool),
    /// The device has been reset, or could not be.
    Reset,
}

/// The URB that the receiver has while it waits for the data, which the peer may never send.
struct Receiving {
    seqnum: u64,
    is_cancelled: bool,
}

/// The URBs of one connection, guarded by the port's lock.
pub(crate) struct Pending {
    entries: RBTree<u64, Entry>,
    receiving: Option<Receiving>,
    /// Every entry that is queued has at least this seqnum.
    next: u64,
    /// The highest seqnum so far.
    latest: u64,
    /// Entries whose unlink is wanted.
    unlinks: usize,
    patience: Patience,
    /// Whether the device is to be reset.
    reset: bool,
    /// Entries that have been used and can be again.
    spare: KVec<Reservation>,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            entries: RBTree::new(),
            receiving: None,
            next: 0,
            latest: 0,
            unlinks: 0,
            patience: Patience::default(),
            reset: false,
            spare: KVec::new(),
        }
    }

    /// Whether nothing waits for the peer.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory for an entry. Any context.
    pub(crate) fn reservation(&mut self) -> Result<Reservation> {
        match self.spare.pop() {
            Some(node) => Ok(node),
            None => Ok(Reservation::new(GFP_ATOMIC)?),
        }
    }

    /// Adds a URB to be sent. `seqnum` is higher than all before.
    pub(crate) fn push(&mut self, seqnum: u64, urb: LinkedUrb, node: Reservation) {
        self.insert(seqnum, Phase::Queued(urb), node);
    }

    /// Whether the sender needs memory for an entry of its own.
    pub(crate) fn wants_node(&self) -> bool {
        self.unlinks > 0 || self.reset
    }

    /// Has the device reset, after what has been taken so far.
    pub(crate) fn push_reset(&mut self) {
        self.reset = true;
    }

    /// Whether a cancelled URB has not come back yet.
    pub(crate) fn has_cancelled(&self) -> bool {
        self.patience.is_tried()
    }

    /// Whether the peer has let a driver wait for a cancelled URB for longer than it should.
    pub(crate) fn is_overdue(&self) -> bool {
        self.patience.is_over()
    }

    fn insert(&mut self, seqnum: u64, phase: Phase, node: Reservation) {
        self.latest = self.latest.max(seqnum);
        self.entries
            .insert(node.into_node(seqnum, Entry::new(phase)));
    }

    /// Cancels the URB `seqnum`, which usbcore has marked as unlinked. One that has not been sent
    /// is handed out, to be given back. Fails with `EIDRM` if it is about to be given back anyway.
    pub(crate) fn cancel(&mut self, seqnum: u64) -> Result<Option<LinkedUrb>> {
        let Place::Occupied(mut place) = self.entries.entry(seqnum) else {
            self.cancel_received(seqnum)?;
            return Ok(None);
        };
        let entry = place.get_mut();
        if matches!(entry.phase, Phase::Queued(_)) {
            return Ok(vacate(place, &mut self.spare).into_urb());
        }
        if entry.unlink == Unlink::No {
            entry.unlink = Unlink::Wanted;
            self.unlinks += 1;
            self.patience.begin();
        }
        Ok(None)
    }

    fn cancel_received(&mut self, seqnum: u64) -> Result {
        let receiving = self.receiving.as_mut().filter(|urb| urb.seqnum == seqnum);
        if !core::mem::replace(&mut receiving.ok_or(EIDRM)?.is_cancelled, true) {
            self.patience.begin();
        }
        Ok(())
    }

    /// The sender has sent the request `seqnum`, or tried to. The URB comes back with its reply, if
    /// that was quicker, or without one that could still come.
    pub(crate) fn sent(
        &mut self,
        seqnum: u64,
        urb: LinkedUrb,
    ) -> Option<(LinkedUrb, Option<KBox<EarlyReply>>)> {
        let Some(entry) = self.entries.get_mut(&seqnum) else {
            return Some((urb, None));
        };
        match core::mem::replace(&mut entry.phase, Phase::Sending) {
            Phase::Replied(reply) => {
                self.remove(seqnum);
                Some((urb, Some(reply)))
            }
            _ => {
                entry.phase = Phase::Sent(urb);
                None
            }
        }
    }

    /// Finds what a RET_SUBMIT with the seqnum `wire` is for.
    pub(crate) fn reply_target(&mut self, wire: u32) -> Option<Target> {
        let seqnum = self.expand(wire)?;
        let Place::Occupied(place) = self.entries.entry(seqnum) else {
            return None;
        };
        match place.get().phase {
            Phase::Sending => Some(Target::Sending(seqnum, place.get().is_iso)),
            Phase::Reset => {
                vacate(place, &mut self.spare);
                Some(Target::Reset)
            }
            Phase::Sent(_) => {
                let entry = vacate(place, &mut self.spare);
                let is_cancelled = entry.unlink != Unlink::No;
                let urb = self.forget(entry).into_urb()?;
                if is_cancelled {
                    self.patience.begin();
                }
                self.receiving = Some(Receiving {
                    seqnum,
                    is_cancelled,
                });
                Some(Target::Urb(urb))
            }
            _ => None,
        }
    }

    /// Takes out the URB that a RET_SUBMIT with the seqnum `wire` ends, if it waits for nothing else
    /// and `judge` has something to say about it.
    pub(crate) fn take_sent<T>(
        &mut self,
        wire: u32,
        judge: impl FnOnce(&LinkedUrb) -> Option<T>,
    ) -> Option<(LinkedUrb, T)> {
        let seqnum = self.expand(wire)?;
        let Place::Occupied(place) = self.entries.entry(seqnum) else {
            return None;
        };
        let Phase::Sent(urb) = &place.get().phase else {
            return None;
        };
        let judged = judge(urb)?;
        let entry = vacate(place, &mut self.spare);
        Some((self.forget(entry).into_urb()?, judged))
    }

    /// The receiver is done with the URB it was handed.
    pub(crate) fn received(&mut self) {
        if self.receiving.take().is_some_and(|urb| urb.is_cancelled) {
            self.patience.end();
        }
    }

    /// Leaves a reply for the sender, or hands the URB out if the sender is done by now.
    pub(crate) fn park(
        &mut self,
        seqnum: u64,
        reply: KBox<EarlyReply>,
    ) -> Option<(LinkedUrb, KBox<EarlyReply>)> {
        let entry = self.entries.get_mut(&seqnum)?;
        match core::mem::replace(&mut entry.phase, Phase::Sending) {
            Phase::Sent(urb) => {
                self.remove(seqnum);
                Some((urb, reply))
            }
            _ => {
                entry.phase = Phase::Replied(reply);
                None
            }
        }
    }

    /// Finds the URB a RET_UNLINK with the seqnum `wire` is for, if it was quicker than the URB's
    /// own reply.
    pub(crate) fn unlinked(&mut self, wire: u32) -> Option<LinkedUrb> {
        let seqnum = self.expand(wire)?;
        let Phase::Unlink(victim) = self.entries.get(&seqnum)?.phase else {
            return None;
        };
        self.remove(seqnum);
        self.remove_sent(victim)
    }

    /// Takes out any URB. For the end of a connection, when nobody sends or receives.
    pub(crate) fn drain(&mut self) -> Option<LinkedUrb> {
        while let Some(seqnum) = self.find(|_| true) {
            if let Some(urb) = self.remove(seqnum)?.into_urb() {
                return Some(urb);
            }
        }
        *self = Self::new();
        None
    }

    fn find(&self, wanted: impl Fn(&Entry) -> bool) -> Option<u64> {
        self.entries
            .iter()
            .find(|(_, entry)| wanted(entry))
            .map(|(seqnum, _)| *seqnum)
    }

    /// Removes the entry of a URB that waits for its reply; leaves any other.
    fn remove_sent(&mut self, seqnum: u64) -> Option<LinkedUrb> {
        if !matches!(self.entries.get(&seqnum)?.phase, Phase::Sent(_)) {
            return None;
        }
        self.remove(seqnum)?.into_urb()
    }

    fn remove(&mut self, seqnum: u64) -> Option<Entry> {
        let Place::Occupied(place) = self.entries.entry(seqnum) else {
            return None;
        };
        let entry = vacate(place, &mut self.spare);
        Some(self.forget(entry))
    }

    /// No longer waits for the cancellation of an entry that has been taken out, nor for an answer
    /// to its CMD_UNLINK, which a peer need not send.
    fn forget(&mut self, entry: Entry) -> Entry {
        match entry.unlink {
            Unlink::No => return entry,
            Unlink::Wanted => self.unlinks -= 1,
            Unlink::Sent(seqnum) => {
                if let Place::Occupied(request) = self.entries.entry(seqnum) {
                    vacate(request, &mut self.spare);
                }
            }
        }
        self.patience.end();
        entry
    }

    /// The full seqnum of a number on the wire: the highest one so far with these low bits.
    pub(crate) fn expand(&self, wire: u32) -> Option<u64> {
        let behind = (self.latest as u32).wrapping_sub(wire);
        self.latest.checked_sub(u64::from(behind))
    }
}

/// Takes an entry out of its place, which is kept.
fn vacate(mut place: OccupiedEntry<'_, u64, Entry>, spare: &mut KVec<Reservation>) -> Entry {
    let entry = core::mem::replace(place.get_mut(), Entry::new(Phase::Sending));
    let node = place.remove_node().into_reservation();
    if spare.len() < MAX_SPARE {
        // Without memory for the place it is freed.
        let _ = spare.push(node, GFP_ATOMIC);
    }
    entry
}
