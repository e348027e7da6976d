// SPDX-License-Identifier: GPL-2.0

//! A port of a root hub: nothing, or a device on the other end of a connection.
//!
//! Locks, outermost first: `control`, the socket's, `inner`, usbcore's. A thread of the connection
//! never takes `control`, so whoever holds it may wait for the thread.

use super::{
    hub::{
        HubShared,
        NO_SEQNUM, //
    },
    pending::Pending,
    rx::{
        self,
        Receiver, //
    },
    state::{
        Enumeration,
        Import,
        Inner,
        State,
        Status, //
    },
    tx::Sender, //
};
use kernel::{
    impl_has_work,
    new_condvar,
    new_mutex,
    new_work,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        Mutex, //
    },
    workqueue::{
        Work,
        WorkItem, //
    }, //
};
use usbip::{
    bh::BhDisabled,
    compat::{
        new_spinlock_irq,
        SpinLockIrq,
        SpinLockIrqGuard,
        EIDRM,
        EPROTO,
        ESHUTDOWN, //
    },
    link::{
        EndReason,
        Link, //
    },
    net::Socket,
    usb::{
        enqueued::{
            DequeuedUrb,
            EnqueuedUrb, //
        },
        linked::LinkedUrb, //
    },
    workqueue::QueueHandle, //
};

/// `bRequest` of the two requests a device without an address is sent (USB 2.0, table 9-4).
const SET_ADDRESS: u8 = 5;
const GET_DESCRIPTOR: u8 = 6;

/// A port.
#[pin_data]
pub(crate) struct Port {
    /// The port's index on its hub.
    rhport: usize,
    pub(crate) hub: Arc<HubShared>,
    queue: QueueHandle,
    /// Taken in any context.
    #[pin]
    pub(crate) inner: SpinLockIrq<Inner>,
    /// Tells the sender that there is a job, or that the connection has ended.
    #[pin]
    pub(crate) work_for_sender: CondVar,
    /// Taken for attach and for clearing away, in task context.
    #[pin]
    control: Mutex<Option<Link<Receiver, Sender>>>,
    #[pin]
    teardown: Work<Port>,
}

impl_has_work! {
    impl HasWork<Self> for Port { self.teardown }
}

impl WorkItem for Port {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.clear_away();
    }
}

impl Port {
    /// A free port. Task context.
    pub(crate) fn new(rhport: usize, hub: Arc<HubShared>, queue: QueueHandle) -> Result<Arc<Self>> {
        let inner = Inner {
            state: State::Null,
            is_fresh: false,
            is_news: false,
            sender_waits: false,
            pending: Pending::new(),
        };
        Arc::pin_init(
            try_pin_init!(Self {
                rhport,
                hub,
                queue,
                inner <- new_spinlock_irq!(inner, "vhci::Port::inner"),
                work_for_sender <- new_condvar!("vhci::Port::work_for_sender"),
                control <- new_mutex!(None, "vhci::Port::control"),
                teardown <- new_work!("vhci::Port::teardown"),
            }),
            GFP_KERNEL,
        )
    }

    /// Connects the port to the device behind `socket`. Task context, may sleep.
    ///
    /// Fails with `EINVAL` if no threads can be made, with `EBUSY` if the port is not free, or with
    /// `EAGAIN` if the controller is going.
    pub(crate) fn attach(self: &Arc<Self>, socket: Socket, import: Import) -> Result {
        let mut control = self.control.lock();
        let socket = Arc::new(socket, GFP_KERNEL).map_err(|_| EINVAL)?;
        let rx = Receiver::new(self.clone(), socket.clone()).map_err(|_| EINVAL)?;
        let tx = Sender::new(self.clone(), socket.clone()).map_err(|_| EINVAL)?;
        let mut link = Link::new(socket, rx, tx).map_err(|_| EINVAL)?;

        let mut inner = self.inner.lock();
        match inner.state {
            State::Null => inner.state = State::Live(import, Enumeration::Waiting),
            State::Removed => return Err(EAGAIN),
            State::Live(..) | State::Ending(..) => {
                drop(inner);
                dev_err!(self.hub.dev, "port {} already used\n", self.rhport);
                return Err(EBUSY);
            }
        }
        drop(inner);

        link.start();
        *control = Some(link);
        self.hub.connect(self.rhport, import.speed);
        self.announce();
        Ok(())
    }

    /// Ends the connection, for whatever reason comes first. Task context, no lock of ours held.
    ///
    /// Returns whether there was one.
    pub(crate) fn end(self: &Arc<Self>, reason: EndReason) -> bool {
        let mut inner = self.inner.lock();
        match core::mem::replace(&mut inner.state, State::Null) {
            State::Live(import, enumeration) => {
                inner.state = State::Ending(import, enumeration);
            }
            state => {
                let was_ending = matches!(state, State::Ending(..));
                inner.state = state;
                return was_ending;
            }
        }
        drop(inner);
        usbip::usbip_dbg!(ErrorHandler, "port {} ends: {reason:?}\n", self.rhport);
        self.work_for_sender.notify_all();
        // Queued already means that somebody else has seen the end as well.
        let _ = self.queue.enqueue(self.clone());
        true
    }

    /// Ends the connection for good and waits until it is cleared away. Task context, may sleep.
    pub(crate) fn remove(self: &Arc<Self>) {
        loop {
            self.end(EndReason::Removed);
            self.clear_away();
            let mut inner = self.inner.lock();
            // Somebody may have attached in between.
            if matches!(inner.state, State::Null | State::Removed) {
                inner.state = State::Removed;
                return;
            }
        }
    }

    /// Takes apart a connection that has ended: threads, device, URBs. Task context, may sleep.
    fn clear_away(&self) {
        let mut control = self.control.lock();
        if !matches!(self.inner.lock().state, State::Ending(..)) {
            return;
        }
        drop(control.take());
        dev_info!(self.hub.dev, "stop threads\n");
        dev_info!(self.hub.dev, "release socket\n");
        // In this order: nobody tries again on a port without a device, and user space hears of all
        // its URBs before it hears that the device is gone.
        self.hub.disconnect(self.rhport);
        self.give_all_back();
        self.hub.flush();
        self.hub.poll();
        dev_info!(self.hub.dev, "disconnect device\n");

        let mut inner = self.inner.lock();
        let old = core::mem::replace(&mut inner.state, State::Null);
        drop(inner);
        drop(old);
        self.announce();
    }

    /// Tells user space that the port's line in the status file has changed. Task context.
    pub(crate) fn announce(&self) {
        self.hub.announce(self.rhport);
    }

    /// Puts a URB that has been sent where the receiver finds it, unless its reply has come
    /// already. Task context.
    pub(crate) fn sent(self: &Arc<Self>, seqnum: u64, urb: LinkedUrb) {
        let early = self.inner.lock().pending.sent(seqnum, urb);
        match early {
            Some((urb, Some(reply))) => rx::finish(self, urb, &reply),
            Some((urb, None)) => self.give_back(urb, EPROTO.to_errno()),
            None => {}
        }
    }

    /// Whether the peer has let a driver wait for too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.inner.lock().pending.is_overdue()
    }

    fn give_all_back(&self) {
        loop {
            let urb = self.inner.lock().pending.drain();
            let Some(urb) = urb else {
                return;
            };
            self.give_back(urb, ESHUTDOWN.to_errno());
        }
    }

    /// Gives a URB back to the driver that enqueued it. Softirq or task context.
    pub(crate) fn give_back(&self, urb: LinkedUrb, status: i32) {
        let _handled_here = BhDisabled::new();
        urb.give_back(status, &self.inner.lock());
    }

    /// Gives back the URB whose reply has been received, or could not be. Receiver only.
    pub(crate) fn give_back_received(&self, urb: LinkedUrb, status: i32) {
        let _handled_here = BhDisabled::new();
        let mut inner = self.inner.lock();
        inner.pending.received();
        urb.give_back(status, &inner);
    }

    /// Takes a URB. Any context.
    ///
    /// Fails with `ENODEV` if there is no connection, or if the URB is for a device that was on the
    /// port before; with `EINVAL` for a URB that cannot be; with `ENOMEM`.
    pub(crate) fn enqueue(&self, urb: EnqueuedUrb<'_>) -> Result {
        if !urb.has_buffer() {
            return Err(EINVAL);
        }
        if urb.devnum() == 0 {
            return self.enqueue_unaddressed(urb);
        }
        let mut inner = self.inner.lock();
        let State::Live(_, Enumeration::Addressed(device)) = &inner.state else {
            return Err(ENODEV);
        };
        if !urb.is_for(device) {
            return Err(ENODEV);
        }
        let node = inner.pending.reservation()?;
        let seqnum = self.hub.next_seqnum();
        let urb = urb.link(seqnum as usize, &inner)?;
        inner.pending.push(seqnum, urb, node);
        self.wake_sender(inner);
        Ok(())
    }

    /// Has the sender look for jobs, unless it is about to.
    fn wake_sender(&self, mut inner: SpinLockIrqGuard<'_, Inner>) {
        let waits = core::mem::replace(&mut inner.sender_waits, false);
        drop(inner);
        if waits {
            self.work_for_sender.notify_one();
        }
    }

    /// Takes a URB for a device without an address. usbcore sends two kinds of them: a request for
    /// the descriptor, which goes to the peer, and SET_ADDRESS, which does not: the device has an
    /// address there.
    fn enqueue_unaddressed(&self, urb: EnqueuedUrb<'_>) -> Result {
        let [_, request, ..] = urb.setup().ok_or(EINVAL)?;
        let is_set_address = match request {
            SET_ADDRESS => true,
            GET_DESCRIPTOR => false,
            _ => return Err(EINVAL),
        };
        let device = urb.device();
        device.exempt_from_system_sleep();
        let mut old = None;
        let mut inner = self.inner.lock();
        if !inner.is_live() {
            return Err(ENODEV);
        }
        if is_set_address {
            dev_info!(
                device.device(),
                "SetAddress Request ({}) to port {}\n",
                urb.requested_address(),
                self.rhport
            );
            let urb = urb.link(NO_SEQNUM as usize, &inner)?;
            old = inner.set_addressed(device);
            inner.is_news = true;
            urb.give_back(0, &inner);
        } else {
            let node = inner.pending.reservation()?;
            let seqnum = self.hub.next_seqnum();
            let urb = urb.link(seqnum as usize, &inner)?;
            inner.pending.push(seqnum, urb, node);
        }
        self.wake_sender(inner);
        drop(old);
        Ok(())
    }

    /// Asks the peer to reset the device, which usbcore resets on this side. Any context. Returns
    /// whether there is something to wait for.
    pub(crate) fn reset_device(&self) -> bool {
        let mut inner = self.inner.lock();
        let is_addressed = matches!(inner.state, State::Live(_, Enumeration::Addressed(_)));
        if !is_addressed || inner.is_fresh {
            return false;
        }
        inner.is_fresh = true;
        inner.pending.push_reset();
        self.wake_sender(inner);
        true
    }

    /// The peer has answered a request to reset the device. Task context.
    pub(crate) fn device_reset(&self) {
        self.hub.set_remote_reset(self.rhport, false);
    }

    /// Cancels a URB, or begins to. One that has not been sent is given back at once: a peer that
    /// does not read must not keep it. Any context. Fails with `EIDRM` if it is about to be given
    /// back.
    pub(crate) fn dequeue(&self, urb: DequeuedUrb<'_>) -> Result {
        let mut inner = self.inner.lock();
        urb.check(&inner)?;
        let wire = urb.cookie() as u32;
        let seqnum = inner.pending.expand(wire).ok_or(EIDRM)?;
        match inner.pending.cancel(seqnum)? {
            Some(unsent) => unsent.give_back(urb.status(), &inner),
            None => self.wake_sender(inner),
        }
        Ok(())
    }

    /// What the status file shows. Task context.
    pub(crate) fn status(&self) -> Status {
        self.inner.lock().status()
    }
}
