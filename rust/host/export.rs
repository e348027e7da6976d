// SPDX-License-Identifier: GPL-2.0

//! One exported device and, at most, one client.
//!
//! Locks, outermost first: the device's (usbcore's), `control`, `outbox`. A thread of the
//! connection never takes `control` and waits for the device's lock only until the connection
//! ends, so whoever holds either may wait for the thread.

use super::{
    job::Job,
    rx::Receiver,
    tx::Sender, //
};
use kernel::{
    impl_has_work,
    list::{
        List,
        ListArc, //
    },
    new_condvar,
    new_mutex,
    new_spinlock_irq,
    new_work,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        CondVar,
        Mutex,
        SpinLockIrq, //
    },
    workqueue::{
        Work,
        WorkItem, //
    }, //
};
use usbip::{
    link::{
        EndReason,
        Link, //
    },
    net::Socket,
    usb::{
        anchor::Anchor,
        transfer::Transfer,
        Device, //
    },
    workqueue::QueueHandle, //
};

/// What a device is up to; the numbers are those of `include/uapi/linux/usbip.h`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for a client.
    Available,
    /// Has a client.
    Used,
    /// Its client is gone; the device is being reset.
    Ending,
    /// Could not be reset.
    Error,
    /// Is bound to us no more.
    Removed,
}

/// What waits to be sent.
pub(crate) struct Outbox {
    state: State,
    jobs: List<Transfer<Job>>,
}

impl Outbox {
    /// Whether there is a client.
    pub(crate) fn is_used(&self) -> bool {
        self.state == State::Used
    }
}

/// An exported device.
#[pin_data]
pub(crate) struct Export {
    device: ARef<Device>,
    /// `busnum << 16 | devnum` when the device was bound.
    pub(crate) devid: u32,
    queue: QueueHandle,
    /// Taken in any context, by completion handlers among others.
    #[pin]
    pub(crate) outbox: SpinLockIrq<Outbox>,
    /// Tells the sender that there is a job, or that the connection has ended.
    #[pin]
    pub(crate) work_for_sender: CondVar,
    /// The transfers of the connection.
    #[pin]
    pub(crate) in_flight: Anchor<Job>,
    /// Taken to connect and to clear away, in task context.
    #[pin]
    control: Mutex<Option<Link<Receiver, Sender>>>,
    #[pin]
    teardown: Work<Export>,
}

impl_has_work! {
    impl HasWork<Self> for Export { self.teardown }
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
    pub(crate) fn new(device: &Device, queue: QueueHandle) -> Result<Arc<Self>> {
        let outbox = Outbox {
            state: State::Available,
            jobs: List::new(),
        };
        Arc::pin_init(
            try_pin_init!(Self {
                device: device.into(),
                devid: device.busnum() << 16 | device.devnum(),
                queue,
                outbox <- new_spinlock_irq!(outbox, "Export::outbox"),
                work_for_sender <- new_condvar!("Export::work_for_sender"),
                in_flight <- Anchor::new(),
                control <- new_mutex!(None, "Export::control"),
                teardown <- new_work!("Export::teardown"),
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
        let rx = Receiver::new(self.clone(), socket.clone());
        let tx = Sender::new(self.clone(), socket.clone());
        let link = Link::new(socket, rx, tx).map_err(|_| EINVAL)?;

        let mut outbox = self.outbox.lock();
        if outbox.state != State::Available {
            return Err(EINVAL);
        }
        outbox.state = State::Used;
        drop(outbox);
        link.start();
        *control = Some(link);
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
        self.work_for_sender.notify_all();
        // Queued already means that the work has not begun, so it will see the end.
        let _ = self.queue.enqueue(self.clone());
        true
    }

    /// The device is leaving us: ends the connection for good and waits until it is cleared away.
    /// Task context, may sleep, device lock held.
    pub(crate) fn remove(&self) {
        self.outbox.lock().state = State::Removed;
        self.work_for_sender.notify_all();
        self.clear_away();
    }

    /// Takes apart a connection that has ended: threads, transfers, replies. Task context, may
    /// sleep.
    fn clear_away(&self) {
        let mut control = self.control.lock();
        if self.outbox.lock().is_used() {
            return;
        }
        drop(control.take());
        self.in_flight.kill_all();
        loop {
            let job = self.outbox.lock().jobs.pop_front();
            if job.is_none() {
                return;
            }
        }
    }

    /// Resets the device after a connection, for the next client to find it fresh. Task context,
    /// may sleep, no lock held.
    fn reset(&self) {
        if self.outbox.lock().state != State::Ending {
            return;
        }
        let dev = self.device.device();
        let result = self.device.lock_for_reset().and_then(|lock| lock.reset());
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
    }

    /// Hands a reply to the sender. Any context.
    pub(crate) fn post(&self, job: ListArc<Transfer<Job>>) {
        let mut outbox = self.outbox.lock();
        *job.data().posted.access_mut(&mut outbox) = true;
        outbox.jobs.push_back(job);
        drop(outbox);
        self.work_for_sender.notify_one();
    }

    /// Waits for a reply to send. Nothing comes once the connection has ended.
    pub(crate) fn next_job(&self) -> Option<(ListArc<Transfer<Job>>, Option<u32>)> {
        let mut outbox = self.outbox.lock();
        loop {
            if !outbox.is_used() {
                return None;
            }
            if let Some(job) = outbox.jobs.pop_front() {
                let unlink = *job.data().unlink.access(&outbox);
                return Some((job, unlink));
            }
            // Ends early when the thread is told to stop, which is after the connection ended.
            let _ = self.work_for_sender.wait_interruptible(&mut outbox);
        }
    }
}
