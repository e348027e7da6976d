// SPDX-License-Identifier: GPL-2.0

//! The packet array at the end of an isochronous URB.

use crate::{
    net::{
        Inbox,
        RecvError,
        Taker, //
    },
    protocol::IsoDescriptor, //
};
use core::ops::Range;
use kernel::{
    bindings,
    prelude::*, //
};

/// Packet descriptors, as they follow a PDU.
pub type Encoded = KVec<[u8; IsoDescriptor::LEN]>;

/// The packets of `urb`.
///
/// # Safety
///
/// `urb` is valid, was allocated with at least `number_of_packets` packets, and for as long as
/// `'a` nobody changes its packets.
pub(crate) unsafe fn packets<'a>(
    urb: *mut bindings::urb,
) -> &'a [bindings::usb_iso_packet_descriptor] {
    // SAFETY: The caller promises it.
    unsafe {
        let count = usize::try_from((*urb).number_of_packets).unwrap_or(0);
        (*urb).iso_frame_desc.as_slice(count)
    }
}

/// The packets of `urb`, to be changed.
///
/// # Safety
///
/// As for [`packets`], and for as long as `'a` nobody else touches its packets.
pub(crate) unsafe fn packets_mut<'a>(
    urb: *mut bindings::urb,
) -> &'a mut [bindings::usb_iso_packet_descriptor] {
    // SAFETY: The caller promises it.
    unsafe {
        let count = usize::try_from((*urb).number_of_packets).unwrap_or(0);
        (*urb).iso_frame_desc.as_mut_slice(count)
    }
}

/// Bytes that a packet holds.
pub(super) fn held(packet: &bindings::usb_iso_packet_descriptor) -> u32 {
    packet.actual_length.min(packet.length)
}

/// Where in the buffer lies what the packets hold. Packets without a gap are one place.
pub(super) fn places(
    packets: &[bindings::usb_iso_packet_descriptor],
) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut rest = packets.iter().filter(|packet| held(packet) > 0).peekable();
    core::iter::from_fn(move || {
        let first = rest.next()?;
        let start = first.offset as usize;
        let mut end = start + held(first) as usize;
        while let Some(packet) = rest.next_if(|packet| packet.offset as usize == end) {
            end += held(packet) as usize;
        }
        Some(start..end)
    })
}

/// Turns packets into what follows a PDU. Task context.
pub(super) fn encode(packets: &[bindings::usb_iso_packet_descriptor]) -> Result<Encoded> {
    let mut encoded = KVec::with_capacity(packets.len(), GFP_KERNEL)?;
    for packet in packets {
        let descriptor = IsoDescriptor {
            offset: packet.offset,
            length: packet.length,
            actual_length: packet.actual_length,
            status: packet.status,
        };
        encoded
            .push_within_capacity(descriptor.encode())
            .map_err(|_| ENOMEM)?;
    }
    Ok(encoded)
}

/// Receives the descriptors of `count` packets, which follow a PDU. Task context, may sleep.
pub fn receive<T: Taker>(
    inbox: &mut Inbox<T>,
    count: usize,
) -> Result<KVec<IsoDescriptor>, RecvError> {
    inbox.keep_next();
    let mut descriptors = KVec::with_capacity(count, GFP_KERNEL).map_err(Error::from)?;
    for left in (1..=count).rev() {
        let bytes = inbox.array(left * IsoDescriptor::LEN)?;
        descriptors
            .push_within_capacity(IsoDescriptor::decode(bytes))
            .map_err(|_| ENOMEM)?;
    }
    Ok(descriptors)
}
