// SPDX-License-Identifier: GPL-2.0

//! One exported device and, at most, one client.
//!
//! Locks, outermost first: `control`, `special`, the socket's, `outbox`. usbcore holds the device's
//! lock when it calls in, and it is wanted while a special request is carried out; but only until
//! the connection ends, so whoever holds it may wait for that. The threads take none but the
//! socket's and `outbox`.

use super::{
    budget::{
        Budget,
        Limits, //
    },
    job::Job,
    outbox::{
        Outbox,
        State, //
    },
    pool::Pool,
    rx::Receiver,
    tx::Sender, //
};
use kernel::{
    fmt,
    impl_has_work,
    list::ListArc,
    new_condvar,
    new_mutex,
    new_work,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
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
    compat::{
        new_spinlock_irq,
        SpinLockIrq, //
    },
    link::{
        EndReason,
        Link, //
    },
    net::Socket,
    usb::{
        anchor::Anchor,
        transfer::{
            Context,
            Transfer, //
        },
        Device, //
    },
    workqueue::QueueHandle, //
};

/// An exported device.
#[pin_data]
pub(crate) struct Export {
    device: ARef<Device>,
    /// `busnum << 16 | devnum` when the device was bound.
    pub(crate) devid: u32,
    pub(super) queue: QueueHandle,
    pub(crate) budget: Budget,
    /// Taken in any context, by completion handlers among others.
    #[pin]
    pub(crate) outbox: SpinLockIrq<Outbox>,
    /// Whether the log has a line about a request of this client's.
    has_complained: Atomic<bool>,
    /// Tells the sender that there is a job, or that the connection has ended.
    #[pin]
    pub(crate) work_for_sender: CondVar,
    /// Tells the receiver that no special request is left, or that the connection has ended.
    #[pin]
    pub(super) specials_done: CondVar,
    /// The transfers of the connection.
    #[pin]
    pub(crate) in_flight: Anchor<Job>,
    /// Answered transfers of the connection.
    #[pin]
    pub(crate) pool: Pool,
    /// Taken to connect and to clear away, in task context.
    #[pin]
    control: Mutex<Option<Link<Receiver, Sender>>>,
    /// Held while a special request is carried out. Taken after `control`.
    #[pin]
    pub(super) special: Mutex<()>,
    #[pin]
    teardown: Work<Export>,
    #[pin]
    special_work: Work<Export, SPECIAL_WORK>,
}

/// Tells the work of carrying out special requests from that of clearing away.
pub(super) const SPECIAL_WORK: u64 = 1;

impl_has_work! {
    impl HasWork<Self> for Export { self.teardown }
    impl HasWork<Self, SPECIAL_WORK> for Export { self.special_work }
}

impl WorkItem for Export {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.clear_away();
        this.reset();
    }
}

impl Export {
    /// Task context, device lock held.
    pub(crate) fn new(device: &Device, queue: QueueHandle, limits: Limits) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                device: device.into(),
                devid: device.busnum() << 16 | device.devnum(),
                queue,
                budget: Budget::new(limits),
                outbox <- new_spinlock_irq!(Outbox::new(), "Export::outbox"),
                has_complained: Atomic::new(false),
                work_for_sender <- new_condvar!("Export::work_for_sender"),
                specials_done <- new_condvar!("Export::specials_done"),
                in_flight <- Anchor::new(),
                pool <- Pool::new(),
                control <- new_mutex!(None, "Export::control"),
                special <- new_mutex!((), "Export::special"),
                teardown <- new_work!("Export::teardown"),
                special_work <- new_work!("Export::special_work"),
            }),
            GFP_KERNEL,
        )
    }

    /// The device.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The number in `usbip_status`: 1 available, 2 in use, 3 error.
    pub(crate) fn status(&self) -> u32 {
        match self.outbox.lock().state {
            State::Available => 1,
            State::Used | State::Ending => 2,
            State::Error | State::Removed => 3,
        }
    }

    /// Whether there is no client, or it has gone. For waits that are to end with the connection.
    pub(crate) fn has_ended(&self) -> bool {
        !self.outbox.lock().is_used()
    }

    /// Serves the client behind `sockfd`, a number in the caller's file table. Task context, may
    /// sleep.
    ///
    /// Fails with `EINVAL` if there is a client already, for anything but a stream socket, and if
    /// no threads can be made.
    pub(crate) fn connect(self: &Arc<Self>, sockfd: i32) -> Result {
        let dev = self.device.device();
        let mut control = self.control.lock();
        dev_info!(dev, "stub up\n");
        if self.outbox.lock().state != State::Available {
            dev_err!(dev, "not ready\n");
            return Err(EINVAL);
        }
        let socket = Socket::from_fd(sockfd).map_err(|_| {
            dev_err!(dev, "failed to lookup sock\n");
            EINVAL
        })?;
        if !socket.is_stream() {
            dev_err!(dev, "Expecting SOCK_STREAM - found {}\n", socket.kind());
            return Err(EINVAL);
        }
        let socket = Arc::new(socket, GFP_KERNEL).map_err(|_| EINVAL)?;
        let rx = Receiver::new(self.clone(), socket.clone()).map_err(|_| EINVAL)?;
        let tx = Sender::new(self.clone(), socket.clone()).map_err(|_| EINVAL)?;
        let mut link = Link::new(socket, rx, tx).map_err(|_| EINVAL)?;

        let mut outbox = self.outbox.lock();
        if outbox.state != State::Available {
            return Err(EINVAL);
        }
        outbox.state = State::Used;
        drop(outbox);
        self.has_complained.store(false, Relaxed);
        link.start();
        *control = Some(link);
        drop(control);
        self.announce();
        Ok(())
    }

    /// Lets go of the client, soon. Fails with `EINVAL` if there is none.
    pub(crate) fn disconnect(self: &Arc<Self>) -> Result {
        dev_info!(self.device.device(), "stub down\n");
        if self.end(EndReason::Down) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Ends the connection, for whatever reason comes first; returns whether that was this one.
    /// Task context, no lock of ours held.
    pub(crate) fn end(self: &Arc<Self>, reason: EndReason) -> bool {
        let mut outbox = self.outbox.lock();
        if !outbox.is_used() {
            return false;
        }
        outbox.state = State::Ending;
        drop(outbox);
        usbip::usbip_dbg!(
            ErrorHandler,
            "{} ends: {reason:?}\n",
            self.device.device().name()
        );
        self.wake_threads();
        // Queued already means that the work has not begun, so it will see the end.
        let _ = self.queue.enqueue::<Arc<Self>, 0>(self.clone());
        true
    }

    /// The device is leaving us: ends the connection for good and waits until it is cleared away.
    /// Task context, may sleep, device lock held.
    pub(crate) fn remove(&self) {
        self.outbox.lock().state = State::Removed;
        self.wake_threads();
        self.clear_away();
    }

    /// Has the threads see that the connection has ended.
    fn wake_threads(&self) {
        self.work_for_sender.notify_all();
        self.specials_done.notify_all();
    }

    /// Takes apart a connection that has ended: threads, transfers, replies. Task context, may
    /// sleep.
    fn clear_away(&self) {
        let mut control = self.control.lock();
        if self.outbox.lock().is_used() {
            return;
        }
        drop(control.take());
        let _no_special = self.special.lock();
        self.in_flight.kill_all();
        self.pool.clear();
        loop {
            let mut outbox = self.outbox.lock();
            let job = outbox.next_job().or_else(|| outbox.specials.pop_front());
            drop(outbox);
            if job.is_none() {
                return;
            }
        }
    }

    /// Resets the device after a connection, for the next client to find it fresh. Task context,
    /// may sleep, no lock held.
    fn reset(&self) {
        let is_ours = || self.outbox.lock().state == State::Ending;
        if !is_ours() {
            return;
        }
        let dev = self.device.device();
        let result = match self.device.lock_for_reset() {
            // It may have left us while we waited for the lock.
            Ok(lock) if is_ours() => lock.reset(),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        let next = match result {
            Ok(()) => {
                dev_info!(dev, "device reset\n");
                State::Available
            }
            Err(error) => {
                dev_err!(dev, "device reset failed: {}\n", error.to_errno());
                State::Error
            }
        };
        let mut outbox = self.outbox.lock();
        if outbox.state == State::Ending {
            outbox.state = next;
        }
        drop(outbox);
        let has_left = || self.outbox.lock().state == State::Removed;
        if let Some(_lock) = self.device.lock_unless(has_left).filter(|_| !has_left()) {
            self.announce();
        }
    }

    /// Starts a transfer. Its reply follows, whatever becomes of it. Task context, may sleep.
    pub(crate) fn submit(&self, job: ListArc<Transfer<Job>>) {
        if let Err((error, job)) = Transfer::submit(job, &self.in_flight, Context::Task) {
            self.refuse(job, error);
        }
    }

    /// Answers a transfer that could not be started. Any context.
    pub(crate) fn refuse(&self, mut job: ListArc<Transfer<Job>>, error: Error) {
        self.complain(fmt!("submit_urb error, {}", error.to_errno()));
        Transfer::fail(&mut job, error);
        self.post(job);
    }

    /// Has the log say what is wrong with a request, for the first one of a client: the log is not
    /// the client's to fill. Any context.
    pub(crate) fn complain(&self, what: fmt::Arguments<'_>) {
        if !self.has_complained.load(Relaxed) {
            self.has_complained.store(true, Relaxed);
            dev_err!(self.device.device(), "{what}\n");
        }
    }

    /// Hands a reply to the sender. Any context.
    pub(crate) fn post(&self, job: ListArc<Transfer<Job>>) {
        let mut outbox = self.outbox.lock();
        *job.data().posted.access_mut(&mut outbox) = true;
        if job.data().is_urgent {
            outbox.urgent.push_back(job);
        } else {
            outbox.jobs.push_back(job);
        }
        let waits = core::mem::replace(&mut outbox.sender_waits, false);
        drop(outbox);
        if waits {
            self.work_for_sender.notify_one();
        }
    }

    /// Waits for replies to send and has `take` take what it wants of them, until it has taken
    /// something. Nothing comes once the connection has ended.
    pub(crate) fn take_jobs(&self, mut take: impl FnMut(&mut Outbox) -> bool) -> Option<()> {
        let mut outbox = self.outbox.lock();
        loop {
            if !outbox.is_used() {
                return None;
            }
            if take(&mut outbox) {
                return Some(());
            }
            outbox.sender_waits = true;
            // Ends early when the thread is told to stop, which is after the connection ended.
            let _ = self.work_for_sender.wait_interruptible(&mut outbox);
            outbox.sender_waits = false;
        }
    }
}
