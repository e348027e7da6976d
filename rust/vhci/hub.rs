// SPDX-License-Identifier: GPL-2.0

//! A root hub and its ports.

use super::{
    port::Port,
    sysfs,
    vhci::{
        Vhci,
        VHCI, //
    }, //
};
use kernel::{
    device::Device,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        SetOnce, //
    }, //
};
use usbip::{
    compat::{
        new_spinlock_irq,
        SpinLockIrq, //
    },
    usb::{
        enqueued::{
            DequeuedUrb,
            EnqueuedUrb, //
        },
        hcd_ref::HcdRef,
        hub::{
            HubKind,
            HubState, //
        },
        root_hub::{
            HubRequest,
            RootHub, //
        },
        Speed, //
    }, //
};

/// What stands in for a seqnum where there is none: nothing on the wire is called so.
pub(super) const NO_SEQNUM: u32 = u32::MAX;

/// What a hub and its ports have in common.
#[pin_data]
pub(crate) struct HubShared {
    /// The controller, for messages.
    pub(crate) dev: ARef<Device>,
    /// The controller's number.
    id: usize,
    kind: HubKind,
    /// The ports as usbcore sees them. Taken in any context, after no other lock of ours.
    #[pin]
    state: SpinLockIrq<HubState>,
    /// usbcore's side, from [`RootHub::start`] on.
    hcd: SetOnce<HcdRef>,
    /// The last seqnum given out, with as many bits as it takes never to wrap. C counts per root
    /// hub, and peers may have come to expect it.
    seqnum: Atomic<u64>,
}

impl HubShared {
    /// The next seqnum. The low 32 bits go on the wire and are neither 0 nor [`NO_SEQNUM`].
    pub(crate) fn next_seqnum(&self) -> u64 {
        loop {
            let seqnum = self.seqnum.fetch_add(1, Relaxed) + 1;
            if !matches!(seqnum as u32, 0 | NO_SEQNUM) {
                return seqnum;
            }
        }
    }

    /// Makes a device appear at a port. Task context.
    pub(crate) fn connect(&self, rhport: usize, speed: Speed) {
        self.state.lock().connect(rhport, speed);
        self.poll();
    }

    /// Makes the device at a port disappear; usbcore sees it at the next [`poll`](Self::poll). Task
    /// context.
    pub(crate) fn disconnect(&self, rhport: usize) {
        self.state.lock().disconnect(rhport);
    }

    /// Has the reset of a port wait for the device itself, or wait no more.
    pub(crate) fn set_remote_reset(&self, rhport: usize, waits: bool) {
        self.state.lock().set_remote_reset(rhport, waits);
    }

    /// Tells user space that a port's line in the status file has changed. Task context.
    pub(crate) fn announce(&self, rhport: usize) {
        if let Some(vhci) = VHCI.get() {
            // Without memory user space has to look for itself.
            let _ = sysfs::announce(&vhci, self.id, self.kind, rhport);
        }
    }

    /// Waits until the drivers have heard of all URBs that have been given back. Task context, may
    /// sleep.
    pub(crate) fn flush(&self) {
        if let Some(hcd) = self.hcd.as_ref() {
            hcd.flush();
        }
    }

    /// Has usbcore look at the ports. Any context, no lock held.
    pub(crate) fn poll(&self) {
        if let Some(hcd) = self.hcd.as_ref() {
            hcd.poll_status();
        }
    }
}

/// A root hub.
pub(crate) struct Hub {
    shared: Arc<HubShared>,
    ports: KVec<Arc<Port>>,
}

impl Hub {
    /// A hub that usbcore does not know yet. Task context.
    pub(crate) fn new(kind: HubKind, dev: &Device, id: usize, vhci: &Vhci) -> Result<Arc<Self>> {
        let state = HubState::new(kind, vhci.ports)?;
        let shared = Arc::pin_init(
            try_pin_init!(HubShared {
                dev: dev.into(),
                id,
                kind,
                state <- new_spinlock_irq!(state, "HubShared::state"),
                hcd: SetOnce::new(),
                seqnum: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        let mut ports = KVec::with_capacity(vhci.ports, GFP_KERNEL)?;
        for rhport in 0..vhci.ports {
            ports.push(
                Port::new(rhport, shared.clone(), vhci.queue.clone())?,
                GFP_KERNEL,
            )?;
        }
        Ok(Arc::new(Self { shared, ports }, GFP_KERNEL)?)
    }

    /// The controller, for messages.
    pub(crate) fn dev(&self) -> &Device {
        &self.shared.dev
    }

    /// The ports, by index.
    pub(crate) fn ports(&self) -> &[Arc<Port>] {
        &self.ports
    }

    /// The number of ports with a device.
    pub(crate) fn connections(&self) -> usize {
        self.shared.state.lock().connections()
    }

    /// Ends all connections for good. Task context, may sleep.
    pub(crate) fn remove_ports(&self) {
        for port in &self.ports {
            port.remove();
        }
    }

    /// Says whether usbcore may reach the hub; a hub that comes back is polled.
    pub(crate) fn set_accessible(&self, accessible: bool) {
        if let Some(hcd) = self.shared.hcd.as_ref() {
            hcd.set_accessible(accessible);
            if accessible {
                hcd.poll_status();
            }
        }
    }

    /// Has the device itself reset along with its port, if there is one that usbcore knows.
    fn reset_device(&self, rhport: usize) {
        self.shared.set_remote_reset(rhport, true);
        let port = self.ports.get(rhport);
        if !port.is_some_and(|port| port.reset_device()) {
            self.shared.set_remote_reset(rhport, false);
        }
    }

    /// The port a URB goes through, counted from 1 by usbcore.
    fn port(&self, number: usize) -> Result<&Arc<Port>> {
        number
            .checked_sub(1)
            .and_then(|rhport| self.ports.get(rhport))
            .ok_or(ENODEV)
    }
}

impl RootHub for Hub {
    const DESCRIPTION: &'static CStr = c"vhci_hcd";
    const PRODUCT: &'static CStr = c"USB/IP Virtual Host Controller";

    fn start(&self, hcd: HcdRef) {
        self.shared.hcd.populate(hcd);
    }

    fn urb_enqueue(&self, urb: EnqueuedUrb<'_>) -> Result {
        self.port(urb.port_number())?.enqueue(urb)
    }

    fn urb_dequeue(&self, urb: DequeuedUrb<'_>) -> Result {
        self.port(urb.port_number())?.dequeue(urb)
    }

    fn status_data(&self, map: &mut [u8]) -> usize {
        let Some(hcd) = self.shared.hcd.as_ref().filter(|hcd| hcd.is_accessible()) else {
            return 0;
        };
        let count = self.shared.state.lock().changes(map);
        if count > 0 && hcd.is_suspended() {
            hcd.resume_root_hub();
        }
        count
    }

    fn control(&self, request: HubRequest, reply: &mut [u8]) -> Result<usize> {
        if !request.accessible {
            return Err(ETIMEDOUT);
        }
        let mut state = self.shared.state.lock();
        let result = state.control(request, reply);
        let changed = state.has_change(request.index);
        drop(state);
        if let (Ok(_), Some(rhport)) = (&result, HubState::reset_port(request)) {
            self.reset_device(rhport);
        }
        if changed {
            self.shared.poll();
        }
        result
    }
}
