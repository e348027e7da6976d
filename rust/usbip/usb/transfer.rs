// SPDX-License-Identifier: GPL-2.0

//! Transfers of the server: URBs that we make, submit and get back.
//!
//! A transfer is a [`ListArc`] while it is ours. [`Transfer::submit`] gives it to the host
//! controller, [`Handler::complete`] gets it back; in between there is no `ListArc`, so what the
//! controller writes to is out of reach.

use super::{
    anchor::Anchor,
    buffer::Buffer,
    endpoint::{
        Endpoint,
        EndpointKind, //
    },
    Device, //
};
use crate::{
    compat::EIDRM,
    net::{
        Payload,
        Piece, //
    },
    protocol::{
        flags,
        CmdSubmit,
        Direction, //
    },
};
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    list::{
        impl_list_arc_safe,
        impl_list_item,
        ListArc,
        ListLinks, //
    },
    prelude::*,
    sync::{
        Arc,
        UniqueArc, //
    }, //
};

/// The driver's side of its transfers.
pub trait Handler: Sized + Send + Sync + 'static {
    /// A transfer is over, whatever became of it.
    ///
    /// Any context, interrupts may be off: neither sleeps nor allocates nor frees.
    fn complete(transfer: ListArc<Transfer<Self>>);
}

/// A reply in the making: a driver's record `T`, and for most replies a URB.
///
/// # Invariants
///
/// `urb`, if any, is ours, has room for `capacity` isochronous packets, and while no `ListArc` for
/// the transfer exists it is with usbcore, with `context` leading here. Its buffers are `buffer` and
/// `setup`.
#[pin_data(PinnedDrop)]
pub struct Transfer<T: Handler> {
    pub(super) urb: Option<NonNull<bindings::urb>>,
    pub(super) capacity: usize,
    pub(super) buffer: Buffer,
    setup: Option<KBox<[u8; 8]>>,
    pub(super) data: T,
    #[pin]
    links: ListLinks,
}

impl_list_arc_safe! {
    impl{T: Handler} ListArcSafe<0> for Transfer<T> { untracked; }
}
impl_list_item! {
    impl{T: Handler} ListItem<0> for Transfer<T> { using ListLinks { self.links }; }
}

// SAFETY: URBs may be submitted, cancelled and freed from any thread; `T` is `Send`.
unsafe impl<T: Handler> Send for Transfer<T> {}
// SAFETY: `&Transfer` gives access to `T` only, which is `Sync`; the rest needs the `ListArc`.
unsafe impl<T: Handler> Sync for Transfer<T> {}

/// Where a transfer is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// In a task that may sleep.
    Task,
    /// Anywhere else.
    Atomic,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// 0 or a negative errno.
    pub status: i32,
    /// Bytes transferred; never more than the buffer holds.
    pub actual_length: u32,
    /// The frame in which an isochronous transfer started.
    pub start_frame: i32,
    /// Isochronous packets that failed.
    pub error_count: i32,
}

impl<T: Handler> Transfer<T> {
    /// A reply without a URB. Task context, may sleep.
    pub fn bare(data: T) -> Result<ListArc<Self>> {
        Self::assemble(None, 0, Buffer::Linear(KVec::new()), data).map(ListArc::from)
    }

    /// The transfer a CMD_SUBMIT asks for. Task context, may sleep.
    ///
    /// Fails with `ENOMEM`, or with `EPROTO` for a packet count out of range.
    pub fn new(
        device: &Device,
        endpoint: Endpoint,
        cmd: &CmdSubmit,
        buffer: Buffer,
        data: T,
    ) -> Result<ListArc<Self>> {
        let packets = endpoint.packets(cmd)?;
        // SAFETY: May be called from task context.
        let raw = unsafe { bindings::usb_alloc_urb(packets as c_int, bindings::GFP_KERNEL) };
        let urb = NonNull::new(raw).ok_or(ENOMEM)?;
        let mut this = Self::assemble(Some(urb), packets, buffer, data)?;
        this.as_mut().describe(device, endpoint, cmd)?;
        Ok(this.into())
    }

    /// Tells the URB what to do. Whatever it did before is forgotten.
    pub(super) fn describe(
        self: Pin<&mut Self>,
        device: &Device,
        endpoint: Endpoint,
        cmd: &CmdSubmit,
    ) -> Result {
        let this = self.project();
        let setup = match (endpoint.kind, this.setup) {
            (EndpointKind::Control, Some(setup)) => {
                **setup = cmd.setup;
                setup.as_mut_ptr()
            }
            (EndpointKind::Control, none) => {
                none.insert(KBox::new(cmd.setup, GFP_KERNEL)?).as_mut_ptr()
            }
            _ => core::ptr::null_mut(),
        };
        let direction = bus_direction(endpoint, cmd);
        let urb = this.urb.ok_or(EINVAL)?;
        // SAFETY: The URB is ours, as nobody else has a reference to the transfer; the buffers
        // belong to the transfer that owns the URB.
        unsafe {
            let urb = &mut *urb.as_ptr();
            urb.dev = device.as_raw();
            urb.pipe = endpoint.pipe((device.devnum() & 0x7f) as u8, direction);
            urb.status = 0;
            urb.transfer_flags = urb_flags(endpoint.kind, cmd);
            urb.transfer_buffer_length = cmd.length;
            urb.actual_length = 0;
            urb.setup_packet = setup;
            urb.start_frame = cmd.start_frame;
            urb.number_of_packets = *this.capacity as c_int;
            urb.interval = cmd.interval;
            urb.error_count = 0;
            urb.complete = Some(Self::complete_callback);
            match this.buffer {
                Buffer::Linear(bytes) if bytes.is_empty() => {}
                Buffer::Linear(bytes) => urb.transfer_buffer = bytes.as_mut_ptr().cast(),
                Buffer::Pages(list) => {
                    urb.sg = list.as_raw();
                    urb.num_sgs = list.entries() as c_int;
                }
            }
        }
        Ok(())
    }

    fn assemble(
        urb: Option<NonNull<bindings::urb>>,
        capacity: usize,
        buffer: Buffer,
        data: T,
    ) -> Result<Pin<UniqueArc<Self>>> {
        let this = UniqueArc::pin_init(
            try_pin_init!(Self {
                urb,
                capacity,
                buffer,
                setup: None,
                data,
                links <- ListLinks::new(),
            }? Error),
            GFP_KERNEL,
        );
        if let (Err(_), Some(urb)) = (&this, urb) {
            // SAFETY: There is no transfer to own the URB.
            unsafe { bindings::usb_free_urb(urb.as_ptr()) };
        }
        this
    }

    /// The driver's record.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The memory for the first `length` bytes of payload. Task context, may sleep.
    pub fn payload(this: &mut ListArc<Self>, length: u32) -> Result<Payload<'_>> {
        let length = length as usize;
        match &this.buffer {
            Buffer::Linear(bytes) => {
                let length = length.min(bytes.len());
                // SAFETY: The buffer is ours while there is a `ListArc`, and that is borrowed
                // mutably for as long as the slice.
                Ok(Payload::Linear(unsafe {
                    core::slice::from_raw_parts_mut(bytes.as_ptr().cast_mut(), length)
                }))
            }
            // SAFETY: As above.
            Buffer::Pages(list) => Ok(Payload::Pages(unsafe { list.runs(length)? })),
        }
    }

    /// The first `length` bytes of payload, to be sent. Pages are not copied: they belong to this
    /// transfer alone, and no other transfer gets them before the network has let go of them (see
    /// [`Spare::suits`](super::spare::Spare::suits)). Task context, may sleep.
    pub fn outgoing(this: &mut ListArc<Self>, length: u32) -> Result<Piece<'_>> {
        Ok(match Self::payload(this, length)? {
            Payload::Linear(bytes) => Piece::Bytes(bytes),
            Payload::Pages(runs) => Piece::Shared(runs),
        })
    }

    /// What became of the transfer; all zero for one without a URB.
    pub fn outcome(this: &ListArc<Self>) -> Outcome {
        // SAFETY: The URB is ours while there is a `ListArc`.
        let urb = this.urb.map(|urb| unsafe { urb.as_ref() });
        Outcome {
            status: urb.map_or(0, |urb| urb.status),
            actual_length: urb.map_or(0, |urb| urb.actual_length.min(urb.transfer_buffer_length)),
            start_frame: urb.map_or(0, |urb| urb.start_frame),
            error_count: urb.map_or(0, |urb| urb.error_count),
        }
    }

    /// Gives the transfer an outcome: it could not be started.
    pub fn fail(this: &mut ListArc<Self>, error: Error) {
        for packet in Self::packets_mut(this) {
            packet.actual_length = 0;
        }
        if let Some(urb) = this.urb {
            // SAFETY: The URB is ours while there is a `ListArc`, which is borrowed mutably.
            let urb = unsafe { &mut *urb.as_ptr() };
            urb.status = error.to_errno();
            urb.actual_length = 0;
        }
    }

    /// Starts the transfer, if it has a URB.
    ///
    /// On failure the transfer comes back along with the reason.
    pub fn submit(
        this: ListArc<Self>,
        anchor: &Anchor<T>,
        context: Context,
    ) -> Result<(), (Error, ListArc<Self>)> {
        let flags = match context {
            Context::Task => bindings::GFP_KERNEL,
            Context::Atomic => bindings::GFP_ATOMIC,
        };
        let Some(urb) = this.urb else {
            return Err((EINVAL, this));
        };
        let this = this.into_raw();
        // SAFETY: The URB is complete and ours. It goes on the anchor only after `context` leads
        // to the transfer, which the `ListArc` keeps alive until `complete_callback` takes it back.
        let ret = unsafe {
            (*urb.as_ptr()).context = this.cast_mut().cast();
            bindings::usb_anchor_urb(urb.as_ptr(), anchor.as_raw());
            bindings::usb_submit_urb(urb.as_ptr(), flags)
        };
        to_result(ret).map_err(|error| {
            // SAFETY: The submission failed, so the URB and with it the transfer are ours again.
            unsafe {
                bindings::usb_unanchor_urb(urb.as_ptr());
                (error, ListArc::from_raw(this))
            }
        })
    }

    extern "C" fn complete_callback(urb: *mut bindings::urb) {
        // SAFETY: `submit()` stored the transfer there and gave its `ListArc` away, and usbcore
        // completes a URB once for each submission.
        let this = unsafe { ListArc::from_raw((*urb).context.cast::<Self>()) };
        T::complete(this);
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Transfer<T> {
    fn drop(self: Pin<&mut Self>) {
        if let Some(urb) = self.urb {
            // SAFETY: The URB is ours and not with usbcore, which would own a reference to `self`.
            unsafe { bindings::usb_free_urb(urb.as_ptr()) };
        }
    }
}

/// A transfer that was in flight when it was looked up.
pub struct InFlight<T: Handler>(Arc<Transfer<T>>);

impl<T: Handler> InFlight<T> {
    pub(super) fn new(transfer: Arc<Transfer<T>>) -> Self {
        Self(transfer)
    }

    /// The driver's record.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// Asks the host controller to cancel the transfer; its completion handler runs soon, if it
    /// has not yet. Any context, no lock held that the handler takes.
    ///
    /// Returns whether to ask again, soon: the controller does not have the transfer, but is about to
    /// get it, or is about to be done with it.
    pub fn unlink(&self) -> bool {
        let Some(urb) = self.0.urb else {
            return false;
        };
        // SAFETY: The URB lives as long as the transfer, on which we hold a reference. A racing change
        // of the anchor is one of a plain pointer.
        unsafe {
            bindings::usb_unlink_urb(urb.as_ptr()) == EIDRM.to_errno()
                && !(&raw const (*urb.as_ptr()).anchor)
                    .read_volatile()
                    .is_null()
        }
    }
}

/// The direction on the bus. For control transfers the setup packet decides (USB 2.0, 9.3.1), and
/// a request without a data stage goes out.
fn bus_direction(endpoint: Endpoint, cmd: &CmdSubmit) -> Direction {
    match endpoint.kind {
        EndpointKind::Control => setup_direction(&cmd.setup),
        _ => cmd.direction,
    }
}

/// The direction of the data stage that a setup packet asks for.
pub fn setup_direction(setup: &[u8; 8]) -> Direction {
    let [request_type, .., length_low, length_high] = *setup;
    if request_type & 0x80 != 0 && (length_low, length_high) != (0, 0) {
        Direction::In
    } else {
        Direction::Out
    }
}

/// The flags of a CMD_SUBMIT that may reach the host controller (C's `masking_bogus_flags()`).
fn urb_flags(kind: EndpointKind, cmd: &CmdSubmit) -> u32 {
    let is_iso = kind == EndpointKind::Isochronous;
    let candidates = [
        (flags::NO_INTERRUPT, bindings::URB_NO_INTERRUPT, true),
        (
            flags::ZERO_PACKET,
            bindings::URB_ZERO_PACKET,
            kind == EndpointKind::Bulk && cmd.direction == Direction::Out,
        ),
        (
            flags::SHORT_NOT_OK,
            bindings::URB_SHORT_NOT_OK,
            !is_iso && cmd.direction == Direction::In,
        ),
        (flags::ISO_ASAP, bindings::URB_ISO_ASAP, is_iso),
    ];
    candidates
        .iter()
        .filter(|(wire, _, allowed)| *allowed && cmd.flags & wire != 0)
        .fold(0, |urb, (_, flag, _)| urb | flag)
}
