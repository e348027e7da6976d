// SPDX-License-Identifier: GPL-2.0

//! Isochronous packets of the server's transfers.

use super::{
    iso,
    transfer::{
        Handler,
        Transfer, //
    }, //
};
use crate::{
    net::{
        Payload,
        Piece,
        Pieces, //
    },
    protocol::IsoDescriptor, //
};
use kernel::{
    bindings,
    list::ListArc,
    prelude::*, //
};

impl<T: Handler> Transfer<T> {
    /// Sets the packets of an isochronous transfer, as a CMD_SUBMIT describes them.
    pub fn set_packets(this: &mut ListArc<Self>, descriptors: &[IsoDescriptor]) {
        for (packet, descriptor) in Self::packets_mut(this).iter_mut().zip(descriptors) {
            packet.offset = descriptor.offset;
            packet.length = descriptor.length;
            packet.actual_length = 0;
            packet.status = 0;
        }
    }

    /// How many packets a transfer has; 0 if it is not isochronous or has no URB.
    pub fn packet_count(this: &ListArc<Self>) -> usize {
        this.capacity
    }

    /// Bytes that the packets of an isochronous transfer hold together.
    pub fn packets_length(this: &ListArc<Self>) -> u32 {
        Self::packets(this)
            .iter()
            .fold(0, |sum: u32, packet| sum.saturating_add(iso::held(packet)))
    }

    /// Adds what the packets of an isochronous transfer hold, back to back, to what is sent. Task
    /// context, may sleep.
    ///
    /// Fails with `EINVAL` if a packet does not lie inside of the buffer.
    pub fn gather_packets<'a>(this: &'a mut ListArc<Self>, pieces: &mut Pieces<'a>) -> Result {
        let urb = this.urb.ok_or(EINVAL)?;
        let Payload::Linear(data) = Self::payload(this, u32::MAX)? else {
            return Err(EINVAL);
        };
        let data: &'a [u8] = data;
        // SAFETY: The URB is ours while there is a `ListArc`, which is borrowed, and its packets
        // are not its buffer.
        for place in iso::places(unsafe { iso::packets(urb.as_ptr()) }) {
            pieces.push(Piece::Bytes(data.get(place).ok_or(EINVAL)?))?;
        }
        Ok(())
    }

    /// The packet descriptors that follow a reply. Task context.
    pub fn encoded_packets(this: &ListArc<Self>) -> Result<iso::Encoded> {
        iso::encode(Self::packets(this))
    }

    fn packets(this: &ListArc<Self>) -> &[bindings::usb_iso_packet_descriptor] {
        this.urb.map_or(&[], |urb| {
            // SAFETY: The URB is ours while there is a `ListArc`, which is borrowed.
            unsafe { iso::packets(urb.as_ptr()) }
        })
    }

    pub(super) fn packets_mut(
        this: &mut ListArc<Self>,
    ) -> &mut [bindings::usb_iso_packet_descriptor] {
        this.urb.map_or(&mut [], |urb| {
            // SAFETY: The URB is ours while there is a `ListArc`, which is borrowed mutably.
            unsafe { iso::packets_mut(urb.as_ptr()) }
        })
    }
}
