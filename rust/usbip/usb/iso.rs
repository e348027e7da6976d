// SPDX-License-Identifier: GPL-2.0

//! The packet array at the end of an isochronous URB.

use crate::{
    net::{
        Inbox,
        RecvError, //
    },
    protocol::IsoDescriptor, //
};
use kernel::{
    bindings,
    prelude::*, //
};

/// The packets of `urb`.
///
/// # Safety
///
/// `urb` is valid, was allocated with at least `number_of_packets` packets, and for as long as
/// `'a` nobody else touches its packets.
pub(crate) unsafe fn packets<'a>(
    urb: *mut bindings::urb,
) -> &'a mut [bindings::usb_iso_packet_descriptor] {
    // SAFETY: The caller promises it.
    unsafe {
        let count = usize::try_from((*urb).number_of_packets).unwrap_or(0);
        (*urb).iso_frame_desc.as_mut_slice(count)
    }
}

/// One packet, as it goes on the wire.
pub(crate) fn describe(packet: &bindings::usb_iso_packet_descriptor) -> IsoDescriptor {
    IsoDescriptor {
        offset: packet.offset,
        length: packet.length,
        actual_length: packet.actual_length,
        status: packet.status,
    }
}

/// Turns descriptors into the bytes that follow a PDU. Task context.
pub(crate) fn encode(packets: &[bindings::usb_iso_packet_descriptor]) -> Result<KVec<u8>> {
    let mut bytes = KVec::with_capacity(packets.len() * IsoDescriptor::LEN, GFP_KERNEL)?;
    for packet in packets {
        bytes.extend_from_slice(&describe(packet).encode(), GFP_KERNEL)?;
    }
    Ok(bytes)
}

/// Receives the descriptors of `count` packets, which follow a PDU. Task context, may sleep.
pub fn receive(inbox: &mut Inbox, count: usize) -> Result<KVec<IsoDescriptor>, RecvError> {
    let mut bytes =
        KVec::from_elem(0, count * IsoDescriptor::LEN, GFP_KERNEL).map_err(Error::from)?;
    inbox.fill(&mut bytes)?;
    let mut descriptors = KVec::with_capacity(count, GFP_KERNEL).map_err(Error::from)?;
    for chunk in bytes.chunks_exact(IsoDescriptor::LEN) {
        let chunk = chunk.first_chunk().ok_or(EPROTO)?;
        descriptors
            .push(IsoDescriptor::decode(chunk), GFP_KERNEL)
            .map_err(Error::from)?;
    }
    Ok(descriptors)
}
