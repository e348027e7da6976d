// SPDX-License-Identifier: GPL-2.0

//! URBs of other drivers, on their way through a host controller driver.
//!
//! The way is a chain of tokens: [`EnqueuedUrb`] (usbcore asks) → [`LinkedUrb`] (ours) →
//! [`FinishedUrb`] (off the endpoint) → given back. Only the owner of a token can touch the URB.

use super::{
    buffer::page_runs,
    endpoint::{
        pipe_device,
        pipe_direction,
        pipe_endpoint,
        EndpointKind, //
    },
    hcd::HcdRef,
    iso,
    Device, //
};
use crate::{
    bh::BhDisabled,
    net::PageRuns,
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
    error::to_result,
    prelude::*,
    sync::{
        aref::ARef,
        SpinLockIrqGuard, //
    }, //
};
use usbip_bindings::{
    usb_hcd,
    usb_hcd_check_unlink_urb,
    usb_hcd_giveback_urb,
    usb_hcd_link_urb_to_ep,
    usb_hcd_unlink_urb_from_ep, //
};

/// A URB that usbcore wants to have enqueued.
///
/// # Invariants
///
/// We are inside of `urb_enqueue`: the URB is valid, complete, and not linked to its endpoint.
pub struct EnqueuedUrb<'a> {
    hcd: &'a HcdRef,
    raw: NonNull<bindings::urb>,
}

impl<'a> EnqueuedUrb<'a> {
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(super) unsafe fn new(hcd: &'a HcdRef, raw: NonNull<bindings::urb>) -> Self {
        // INVARIANT: The caller promises it.
        Self { hcd, raw }
    }

    fn urb(&self) -> &bindings::urb {
        // SAFETY: Valid by the type invariants.
        unsafe { self.raw.as_ref() }
    }

    /// The port of the root hub that leads to the device, counted from 1.
    pub fn port_number(&self) -> usize {
        // SAFETY: An enqueued URB has a device.
        usize::from(unsafe { (*self.urb().dev).portnum })
    }

    /// The device.
    pub fn device(&self) -> ARef<Device> {
        // SAFETY: An enqueued URB has a device, which is valid for as long as the URB.
        unsafe { Device::from_raw(self.urb().dev) }.into()
    }

    /// Whether the URB is for `device`.
    pub fn is_for(&self, device: &Device) -> bool {
        core::ptr::eq(self.urb().dev, device.as_raw())
    }

    /// The address a SET_ADDRESS asks for (`wValue`).
    pub fn requested_address(&self) -> u16 {
        let [_, _, low, high, ..] = self.setup().unwrap_or_default();
        u16::from_le_bytes([low, high])
    }

    /// The device's address; 0 while it has none.
    pub fn devnum(&self) -> u8 {
        pipe_device(self.urb().pipe)
    }

    /// The setup packet, for a control transfer.
    pub fn setup(&self) -> Option<[u8; 8]> {
        // SAFETY: The URB is complete by the type invariants.
        unsafe { setup_of(self.urb()) }
    }

    /// Whether there is memory for the data that the URB announces.
    pub fn has_buffer(&self) -> bool {
        let urb = self.urb();
        urb.transfer_buffer_length == 0 || urb.num_sgs > 0 || !urb.transfer_buffer.is_null()
    }

    /// Links the URB to its endpoint: from here on it has to be given back. `cookie`, not 0, is
    /// what [`DequeuedUrb::cookie`] will return.
    ///
    /// Any context, with the lock held that protects the driver's queue.
    pub fn link<T>(self, cookie: usize, _queue: &SpinLockIrqGuard<'_, T>) -> Result<LinkedUrb> {
        // SAFETY: Valid by the type invariants; the driver's lock is held with interrupts off.
        to_result(unsafe { usb_hcd_link_urb_to_ep(self.hcd.as_raw(), self.raw.as_ptr()) })?;
        // SAFETY: The URB is ours now.
        unsafe { (*self.raw.as_ptr()).hcpriv = cookie as *mut c_void };
        // INVARIANT: Just linked.
        Ok(LinkedUrb {
            hcd: self.hcd.as_non_null(),
            raw: self.raw,
        })
    }
}

/// A URB that usbcore wants to have back.
///
/// # Invariants
///
/// We are inside of `urb_dequeue`: the URB is valid, though it may be ours no more.
pub struct DequeuedUrb<'a> {
    hcd: &'a HcdRef,
    raw: NonNull<bindings::urb>,
    status: i32,
}

impl<'a> DequeuedUrb<'a> {
    /// # Safety
    ///
    /// As the type's invariants say.
    pub(super) unsafe fn new(hcd: &'a HcdRef, raw: NonNull<bindings::urb>, status: i32) -> Self {
        // INVARIANT: The caller promises it.
        Self { hcd, raw, status }
    }

    /// The port of the root hub that leads to the device, counted from 1.
    pub fn port_number(&self) -> usize {
        // SAFETY: The URB is valid by the type invariants and keeps its device.
        usize::from(unsafe { (*(*self.raw.as_ptr()).dev).portnum })
    }

    /// Asks usbcore whether the URB may still be unlinked, and has it remember that it was.
    ///
    /// Any context, with the lock held that protects the driver's queue. Fails with `EIDRM` if it
    /// is not linked, or `EBUSY` if it has been unlinked before.
    pub fn check<T>(&self, _queue: &SpinLockIrqGuard<'_, T>) -> Result {
        // SAFETY: Valid by the type invariants; the driver's lock is held with interrupts off.
        to_result(unsafe {
            usb_hcd_check_unlink_urb(self.hcd.as_raw(), self.raw.as_ptr(), self.status)
        })
    }

    /// What [`EnqueuedUrb::link`] was given, 0 if the URB has been given back. Stable while the
    /// lock is held that protects the driver's queue.
    pub fn cookie(&self) -> usize {
        // SAFETY: Valid by the type invariants.
        unsafe { (*self.raw.as_ptr()).hcpriv as usize }
    }

    /// The status usbcore wants the URB to have.
    pub fn status(&self) -> i32 {
        self.status
    }
}

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

/// The data of a [`LinkedUrb`].
pub enum Data<'a> {
    /// One piece.
    Linear(&'a mut [u8]),
    /// A scatter list.
    Pages(PageRuns<'a>),
}

impl LinkedUrb {
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

    /// Isochronous packets, 0 for other transfers.
    pub fn packet_count(&self) -> usize {
        if self.is_iso() {
            usize::try_from(self.urb().number_of_packets).unwrap_or(0)
        } else {
            0
        }
    }

    /// The request for this transfer.
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
            packets: urb.number_of_packets,
            interval: urb.interval,
            // SAFETY: The URB is complete.
            setup: unsafe { setup_of(urb) }.unwrap_or_default(),
        }
    }

    /// The first `length` bytes of the buffer. Task context, may sleep.
    pub fn data(&mut self, length: u32) -> Result<Data<'_>> {
        let urb = self.urb();
        let length = length.min(urb.transfer_buffer_length) as usize;
        if urb.num_sgs > 0 {
            // SAFETY: The list belongs to the URB, which is ours.
            return Ok(Data::Pages(unsafe { page_runs(urb.sg, length)? }));
        }
        if length == 0 {
            return Ok(Data::Linear(&mut []));
        }
        // SAFETY: A URB without a scatter list has a buffer of `transfer_buffer_length` bytes, and
        // the URB is ours.
        Ok(Data::Linear(unsafe {
            core::slice::from_raw_parts_mut(urb.transfer_buffer.cast(), length)
        }))
    }

    /// The packet descriptors that follow the request of an isochronous transfer. Task context.
    pub fn encoded_packets(&mut self) -> Result<KVec<u8>> {
        // SAFETY: The URB is ours.
        iso::encode(unsafe { iso::packets(self.raw.as_ptr()) })
    }

    /// Stores what became of the packets. Where they lie stays as it was asked for.
    pub fn set_packets(&mut self, results: &[IsoDescriptor]) {
        // SAFETY: The URB is ours.
        let packets = unsafe { iso::packets(self.raw.as_ptr()) };
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
        let Ok(Data::Linear(data)) = self.data(length) else {
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
            data.copy_within(start..end, place);
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

    /// Takes the URB off its endpoint.
    ///
    /// Any context, with the lock held that protects the driver's queue.
    pub fn finish<T>(self, status: i32, _queue: &SpinLockIrqGuard<'_, T>) -> FinishedUrb {
        let this = ManuallyDrop::new(self);
        // SAFETY: Linked by the type invariants; the driver's lock is held with interrupts off.
        unsafe { usb_hcd_unlink_urb_from_ep(this.hcd.as_ptr(), this.raw.as_ptr()) };
        // INVARIANT: Just unlinked.
        FinishedUrb {
            hcd: this.hcd,
            raw: this.raw,
            status,
        }
    }
}

impl Drop for LinkedUrb {
    fn drop(&mut self) {
        // Losing a URB would leave its driver waiting for ever.
        pr_err!("a URB was dropped without being given back\n");
    }
}

/// A URB that is off its endpoint and has only to be given back.
///
/// # Invariants
///
/// The URB is valid, and nobody but us gives it back. `hcd` is its controller.
#[must_use = "the driver that enqueued the URB waits for it"]
pub struct FinishedUrb {
    hcd: NonNull<usb_hcd>,
    raw: NonNull<bindings::urb>,
    status: i32,
}

// SAFETY: The owner of a URB may be any thread.
unsafe impl Send for FinishedUrb {}

impl FinishedUrb {
    /// Gives the URB back to the driver that enqueued it: its completion handler runs here, and
    /// may enqueue again.
    ///
    /// Task context, no lock held.
    pub fn giveback(self, _bh: &BhDisabled) {
        // SAFETY: Valid by the type invariants, and given up by consuming `self`.
        unsafe { usb_hcd_giveback_urb(self.hcd.as_ptr(), self.raw.as_ptr(), self.status) };
    }
}

/// The setup packet of a control transfer.
///
/// # Safety
///
/// `urb` is complete.
unsafe fn setup_of(urb: &bindings::urb) -> Option<[u8; 8]> {
    if EndpointKind::from_pipe(urb.pipe) != EndpointKind::Control || urb.setup_packet.is_null() {
        return None;
    }
    // SAFETY: A complete control URB has a setup packet of eight bytes.
    Some(unsafe { urb.setup_packet.cast::<[u8; 8]>().read() })
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
