// SPDX-License-Identifier: GPL-2.0

//! Control requests that change what usbcore has to know about the device. They are carried out by
//! usbcore instead of being sent as they are.
//!
//! That may take seconds, and usbcore's locks; so it is the work of a worker, one request of a
//! device at a time, while the connection goes on.

use super::{
    export::{
        Export,
        SPECIAL_WORK, //
    },
    job::Job, //
};
use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    sync::Arc,
    workqueue::WorkItem, //
};
use usbip::{
    protocol::Direction,
    usb::transfer::Transfer, //
};

/// A request for usbcore (USB 2.0, 9.4 and 11.24.2).
pub(crate) enum Special {
    ClearHalt {
        number: u8,
        direction: Direction,
    },
    SetInterface {
        interface: u16,
        alternate: u16,
    },
    SetConfiguration(u16),
    /// Not a request to the device: what a client may send to have it reset.
    Reset,
}

impl Special {
    /// Recognises a request by its setup packet.
    pub(crate) fn from_setup(setup: &[u8; 8]) -> Option<Self> {
        let [request_type, request, value_low, value_high, index_low, index_high, _, _] = *setup;
        let value = u16::from_le_bytes([value_low, value_high]);
        let index = u16::from_le_bytes([index_low, index_high]);
        match (request_type, request, value) {
            (0x02, 0x01, 0) => Some(Self::ClearHalt {
                number: index_low & 0x0f,
                direction: match index_low & 0x80 {
                    0 => Direction::Out,
                    _ => Direction::In,
                },
            }),
            (0x01, 0x0b, alternate) => Some(Self::SetInterface {
                interface: index,
                alternate,
            }),
            (0x00, 0x09, configuration) => Some(Self::SetConfiguration(configuration)),
            (0x23, 0x03, 4) => Some(Self::Reset),
            _ => None,
        }
    }

    /// Has usbcore carry the request out. Task context, may sleep.
    ///
    /// A failure means that the request is to be sent to the device as it is.
    pub(crate) fn carry_out(&self, export: &Export) -> Result {
        let device = export.device();
        let dev = device.device();
        let lock = device.lock_unless(|| export.has_ended()).ok_or(ENODEV)?;
        match *self {
            Self::ClearHalt { number, direction } => {
                let result = lock.clear_halt(number, direction);
                report(&result, |outcome| {
                    let devnum = device.devnum();
                    dev_info!(
                        dev,
                        "usb_clear_halt {outcome}: devnum {devnum} endp {number}\n"
                    );
                });
                result
            }
            Self::SetInterface {
                interface,
                alternate,
            } => {
                let result = lock.set_interface(interface, alternate);
                report(&result, |outcome| {
                    dev_info!(
                        dev,
                        "usb_set_interface {outcome}: inf {interface} alt {alternate}\n"
                    );
                });
                result
            }
            Self::SetConfiguration(configuration) => {
                let result = lock.set_configuration(configuration);
                if let Err(error) = result {
                    let errno = error.to_errno();
                    dev_err!(dev, "can't set config #{configuration}, error {errno}\n");
                }
                result
            }
            Self::Reset => {
                dev_info!(dev, "usb_queue_reset_device\n");
                lock.reset()
            }
        }
    }
}

fn report(result: &Result, print: impl FnOnce(&str)) {
    print(if result.is_ok() { "done" } else { "error" });
}

/// The special requests of a connection, guarded by the outbox's lock.
pub(crate) struct Specials {
    waiting: List<Transfer<Job>>,
    /// The seqnum of the one that is being carried out, while its client waits for it.
    current: Option<u32>,
}

impl Specials {
    pub(crate) fn new() -> Self {
        Self {
            waiting: List::new(),
            current: None,
        }
    }

    pub(crate) fn push(&mut self, job: ListArc<Transfer<Job>>) {
        self.waiting.push_back(job);
    }

    pub(crate) fn pop_front(&mut self) -> Option<ListArc<Transfer<Job>>> {
        self.waiting.pop_front()
    }

    /// Gives up on the request `seqnum`; returns whether there was one. One that is being carried
    /// out goes on, but its client has stopped waiting. A waiting one is handed out, to be dropped
    /// without the lock.
    pub(crate) fn cancel(&mut self, seqnum: u32) -> Option<Option<ListArc<Transfer<Job>>>> {
        if self.current.take_if(|current| *current == seqnum).is_some() {
            return Some(None);
        }
        let mut cursor = self.waiting.cursor_front();
        while let Some(next) = cursor.peek_next() {
            if next.data().seqnum == seqnum {
                return Some(Some(next.remove()));
            }
            cursor.move_next();
        }
        None
    }
}

impl WorkItem<SPECIAL_WORK> for Export {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let _special = this.special.lock();
        while let Some(job) = this.next_special() {
            this.carry_out(job);
        }
    }
}

impl Export {
    /// Takes the next special request. None is left once the connection has ended.
    fn next_special(&self) -> Option<ListArc<Transfer<Job>>> {
        let mut outbox = self.outbox.lock();
        if !outbox.is_used() {
            return None;
        }
        let job = outbox.specials.waiting.pop_front()?;
        outbox.specials.current = Some(job.data().seqnum);
        Some(job)
    }

    fn carry_out(&self, job: ListArc<Transfer<Job>>) {
        let special = Special::from_setup(&job.data().setup);
        let is_done = special.is_some_and(|special| special.carry_out(self).is_ok());
        let is_wanted = self.outbox.lock().specials.current.take().is_some();
        match (is_wanted, is_done) {
            // Its URB has never been used: status 0, nothing transferred.
            (true, true) => self.post(job),
            (true, false) if !self.has_ended() => self.submit(job),
            _ => drop(job),
        }
    }
}
