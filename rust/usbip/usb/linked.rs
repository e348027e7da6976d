// SPDX-License-Identifier: GPL-2.0

//! URBs that a host controller driver has taken and not given back.

use super::{
    buffer::page_runs,
    endpoint::{
        pipe_direction,
        pipe_endpoint,
        EndpointKind, //
    },
    enqueued::setup_of,
    iso, //
};
use crate::{
    compat::SpinLockIrqGuard,
    net::Payload,
    protocol::{
        flags,
        CmdSubmit,
        Direction,
        IsoDescriptor,
        ProtocolError,
        RetSubmit, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*, //
};
use usbip_bindings::{
    usb_hcd,
    usb_hcd_giveback_urb,
    usb_hcd_unlink_urb_from_ep, //
};

/// A URB that is ours until it is finished.
///
/// # Invariants
///
/// The URB is valid and linked to its endpoint, and nobody but us gives it back. `hcd` is its
/// controller, which does not go before all its URBs have been given back.
#[must_use = "the driver that enqueued the URB waits for it"]
pub struct LinkedUrb {
    hcd: NonNull<usb_hcd>,
    raw: NonNull<bindings::urb>,
}

// SAFETY: The owner of a URB may be any thread.
unsafe impl Send for LinkedUrb {}
// SAFETY: `&LinkedUrb` only reads what the enqueuing driver leaves alone until giveback.
unsafe impl Sync for LinkedUrb {}

impl LinkedUrb {
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(super) unsafe fn new(hcd: NonNull<usb_hcd>, raw: NonNull<bindings::urb>) -> Self {
        // INVARIANT: The caller promises it.
        Self { hcd, raw }
    }

    fn urb(&self) -> &bindings::urb {
        // SAFETY: Valid by the type invariants.
        unsafe { self.raw.as_ref() }
    }

    /// Where the data goes.
    pub fn direction(&self) -> Direction {
        pipe_direction(self.urb().pipe)
    }

    /// Whether this is an isochronous transfer.
    pub fn is_iso(&self) -> bool {
        EndpointKind::from_pipe(self.urb().pipe) == EndpointKind::Isochronous
    }

    /// Bytes in the buffer.
    pub fn length(&self) -> u32 {
        self.urb().transfer_buffer_length
    }

    /// Whether the buffer is a scatter list.
    pub fn is_scattered(&self) -> bool {
        self.urb().num_sgs > 0
    }

    /// Isochronous packets, 0 for other transfers.
    pub fn packet_count(&self) -> usize {
        if self.is_iso() {
            usize::try_from(self.urb().number_of_packets).unwrap_or(0)
        } else {
            0
        }
    }

    /// The request for this transfer.
    #[inline]
    pub fn request(&self, seqnum: u32, devid: u32) -> CmdSubmit {
        let urb = self.urb();
        CmdSubmit {
            seqnum,
            devid,
            direction: self.direction(),
            ep: u32::from(pipe_endpoint(urb.pipe)),
            flags: wire_flags(urb),
            length: urb.transfer_buffer_length,
            start_frame: urb.start_frame,
            packets: i32::try_from(self.packet_count()).unwrap_or(0),
            interval: urb.interval,
            // SAFETY: The URB is complete.
            setup: unsafe { setup_of(urb) }.unwrap_or_default(),
        }
    }

    /// The first `length` bytes of the buffer. Task context, may sleep; any context for a buffer in one
    /// piece.
    pub fn data(&mut self, length: u32) -> Result<Payload<'_>> {
        let urb = self.urb();
        let length = length.min(urb.transfer_buffer_length) as usize;
        if urb.num_sgs > 0 {
            let entries = urb.num_sgs as usize;
            // SAFETY: The list belongs to the URB, which is ours.
            return Ok(Payload::Pages(unsafe {
                page_runs(urb.sg, entries, length)?
            }));
        }
        if length == 0 {
            return Ok(Payload::Linear(&mut []));
        }
        // SAFETY: A URB without a scatter list has a buffer of `transfer_buffer_length` bytes, and
        // the URB is ours.
        Ok(Payload::Linear(unsafe {
            core::slice::from_raw_parts_mut(urb.transfer_buffer.cast(), length)
        }))
    }

    /// The packet descriptors that follow the request of an isochronous transfer. Task context.
    pub fn encoded_packets(&mut self) -> Result<iso::Encoded> {
        // SAFETY: The URB is ours.
        iso::encode(unsafe { iso::packets(self.raw.as_ptr()) })
    }

    /// Stores what became of the packets. Where they lie stays as it was asked for.
    pub fn set_packets(&mut self, results: &[IsoDescriptor]) {
        // SAFETY: The URB is ours.
        let packets = unsafe { iso::packets_mut(self.raw.as_ptr()) };
        for (packet, result) in packets.iter_mut().zip(results) {
            packet.actual_length = result.actual_length.min(packet.length);
            packet.status = result.status;
        }
    }

    /// Moves the packets of an isochronous IN transfer, which come back to back, to their places
    /// in the buffer (C's `usbip_pad_iso()`). The places are those of the request.
    ///
    /// Fails if a packet is larger than its place, or the buffer is not in one piece.
    pub fn spread_packets(&mut self, results: &[IsoDescriptor]) -> Result<(), ProtocolError> {
        // SAFETY: The URB is ours, its packets are not its buffer.
        let packets = unsafe { iso::packets(self.raw.as_ptr()) };
        let error = |index| ProtocolError::PacketRange { index };
        let length = self.length();
        let Ok(Payload::Linear(data)) = self.data(length) else {
            return Err(error(0));
        };
        let total: u64 = results
            .iter()
            .map(|result| u64::from(result.actual_length))
            .sum();
        let mut end = usize::try_from(total).map_err(|_| error(0))?;
        let pairs = packets.iter().zip(results).enumerate().rev();
        for (index, (packet, result)) in pairs {
            let count = result.actual_length as usize;
            let place = packet.offset as usize;
            let start = end.checked_sub(count).ok_or(error(index))?;
            let fits = place
                .checked_add(count)
                .is_some_and(|end| end <= data.len());
            if result.actual_length > packet.length || !fits || end > data.len() {
                return Err(error(index));
            }
            if start != place {
                data.copy_within(start..end, place);
            }
            end = start;
        }
        Ok(())
    }

    /// Stores what became of the transfer; `actual_length` bytes have been transferred.
    pub fn set_outcome(&mut self, ret: &RetSubmit, actual_length: u32) {
        // SAFETY: The URB is ours.
        let urb = unsafe { self.raw.as_mut() };
        urb.actual_length = actual_length;
        urb.start_frame = ret.start_frame;
        urb.error_count = ret.error_count;
    }

    /// Gives the URB back to the driver that enqueued it. Its completion handler runs in softirq, soon
    /// (`HCD_BH`): in a task that keeps bottom halves off, when it lets them on again; in any other,
    /// when a thread has been woken for it.
    ///
    /// Any context, with the lock held that protects the driver's queue.
    pub fn give_back<T>(self, status: i32, _queue: &SpinLockIrqGuard<'_, T>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: Linked by the type invariants, and given up by consuming `self`; the driver's lock
        // is held with interrupts off, as other controllers' URBs are given back in hardirq.
        unsafe {
            usb_hcd_unlink_urb_from_ep(this.hcd.as_ptr(), this.raw.as_ptr());
            usb_hcd_giveback_urb(this.hcd.as_ptr(), this.raw.as_ptr(), status);
        }
    }
}

impl Drop for LinkedUrb {
    fn drop(&mut self) {
        // Losing a URB would leave its driver waiting for ever.
        pr_err!("a URB was dropped without being given back\n");
    }
}

/// The flags of a URB as they go on the wire. A scatter list is announced, so that the server uses
/// one too; that the memory is mapped means nothing to it.
fn wire_flags(urb: &bindings::urb) -> u32 {
    let pairs = [
        (bindings::URB_SHORT_NOT_OK, flags::SHORT_NOT_OK),
        (bindings::URB_ISO_ASAP, flags::ISO_ASAP),
        (bindings::URB_ZERO_PACKET, flags::ZERO_PACKET),
        (bindings::URB_NO_INTERRUPT, flags::NO_INTERRUPT),
        (bindings::URB_FREE_BUFFER, flags::FREE_BUFFER),
        (bindings::URB_DIR_IN, flags::DIR_IN),
    ];
    let wire = pairs
        .iter()
        .filter(|(urb_flag, _)| urb.transfer_flags & urb_flag != 0)
        .fold(0, |wire, (_, flag)| wire | flag);
    if urb.num_sgs > 0 {
        wire | flags::DMA_MAP_SG
    } else {
        wire
    }
}
