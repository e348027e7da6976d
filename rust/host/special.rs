// SPDX-License-Identifier: GPL-2.0

//! Control requests that change what usbcore has to know about the device. They are carried out by
//! usbcore instead of being sent as they are.
//!
//! That may take seconds, and usbcore's locks; so it is the work of a worker, one request of a
//! device at a time, while the connection goes on. Ordinary control requests behind a special one
//! wait for it: the default pipe keeps its order. So do transfers on an endpoint that the request
//! changes.

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

    /// Whether the request changes what a transfer on this endpoint, not the default one, comes to.
    fn concerns(&self, endpoint: u32, towards: Direction) -> bool {
        match *self {
            Self::ClearHalt { number, direction } => {
                u32::from(number) == endpoint && direction == towards
            }
            Self::SetInterface { .. } | Self::SetConfiguration(_) | Self::Reset => true,
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

/// What the worker does with a request.
enum Current {
    /// It is being carried out; its client waits for it, or has given up.
    CarriedOut {
        seqnum: u32,
        setup: [u8; 8],
        is_wanted: bool,
    },
    /// It is on its way to the device or to the sender.
    PassedOn,
}

/// Whether a request could be cancelled.
pub(crate) enum Cancelled {
    /// There is no such request.
    Unknown,
    /// It may be about to be in flight.
    PassedOn,
    /// It will not be answered by anybody else.
    CarriedOut,
    /// It was waiting, and is to be dropped, without the lock.
    Waiting(ListArc<Transfer<Job>>),
}

/// The special requests of a connection, and the control requests behind them; guarded by the
/// outbox's lock.
pub(crate) struct Specials {
    waiting: List<Transfer<Job>>,
    current: Option<Current>,
}

impl Specials {
    pub(crate) fn new() -> Self {
        Self {
            waiting: List::new(),
            current: None,
        }
    }

    /// Whether control requests have to wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.current.is_some() || !self.waiting.is_empty()
    }

    /// Whether a transfer on this endpoint has to wait.
    pub(crate) fn concern(&self, endpoint: u32, direction: Direction) -> bool {
        let concerns = |setup: &[u8; 8]| {
            Special::from_setup(setup).is_some_and(|special| special.concerns(endpoint, direction))
        };
        matches!(&self.current, Some(Current::CarriedOut { setup, .. }) if concerns(setup))
            || self.waiting.iter().any(|job| concerns(&job.data().setup))
    }

    pub(crate) fn push(&mut self, job: ListArc<Transfer<Job>>) {
        self.waiting.push_back(job);
    }

    pub(crate) fn pop_front(&mut self) -> Option<ListArc<Transfer<Job>>> {
        self.waiting.pop_front()
    }

    /// Gives up on the request `victim`. One that is being carried out goes on, but its client has
    /// stopped waiting.
    pub(crate) fn cancel(&mut self, victim: u32) -> Cancelled {
        let mut cursor = self.waiting.cursor_front();
        while let Some(next) = cursor.peek_next() {
            if next.data().seqnum == victim {
                return Cancelled::Waiting(next.remove());
            }
            cursor.move_next();
        }
        match &mut self.current {
            Some(Current::CarriedOut {
                seqnum, is_wanted, ..
            }) if *seqnum == victim => {
                *is_wanted = false;
                Cancelled::CarriedOut
            }
            Some(Current::PassedOn) => Cancelled::PassedOn,
            _ => Cancelled::Unknown,
        }
    }
}

impl WorkItem<SPECIAL_WORK> for Export {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let _special = this.special.lock();
        while let Some(job) = this.next_special() {
            this.carry_out(job);
        }
        this.specials_done.notify_all();
    }
}

impl Export {
    /// Has a special request carried out, soon. Task context.
    pub(crate) fn post_special(self: &Arc<Self>, job: ListArc<Transfer<Job>>) {
        self.outbox.lock().specials.push(job);
        // Queued already means that the work has not begun, so it will see the job.
        let _ = self.queue.enqueue::<Arc<Self>, SPECIAL_WORK>(self.clone());
    }

    /// Waits until no special request concerns an endpoint, or the connection has ended. Task
    /// context, may sleep. Returns whether some are left.
    pub(crate) fn wait_for_specials(&self, endpoint: u32, direction: Direction) -> bool {
        let mut outbox = self.outbox.lock();
        while outbox.is_used() && outbox.specials.concern(endpoint, direction) {
            // Ends early when the thread is told to stop, which is after the connection ended.
            let _ = self.specials_done.wait_interruptible(&mut outbox);
        }
        outbox.specials.is_busy()
    }

    /// Takes the next request. None is left once the connection has ended.
    fn next_special(&self) -> Option<ListArc<Transfer<Job>>> {
        let mut outbox = self.outbox.lock();
        outbox.specials.current = None;
        if !outbox.is_used() {
            return None;
        }
        let job = outbox.specials.waiting.pop_front()?;
        outbox.specials.current = Some(Current::CarriedOut {
            seqnum: job.data().seqnum,
            setup: job.data().setup,
            is_wanted: true,
        });
        Some(job)
    }

    fn carry_out(&self, job: ListArc<Transfer<Job>>) {
        let special = Special::from_setup(&job.data().setup);
        let is_done = special.is_some_and(|special| special.carry_out(self).is_ok());
        let mut outbox = self.outbox.lock();
        let before = outbox.specials.current.replace(Current::PassedOn);
        drop(outbox);
        let is_wanted = matches!(
            before,
            Some(Current::CarriedOut {
                is_wanted: true,
                ..
            })
        );
        match (is_wanted, is_done) {
            // Its URB has never been used: status 0, nothing transferred.
            (true, true) => self.post(job),
            (true, false) if !self.has_ended() => self.submit(job),
            _ => drop(job),
        }
    }
}

#[kunit_tests(usbip_host_special)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_usbcore_are_recognised() {
        let halt = Special::from_setup(&[0x02, 1, 0, 0, 0x81, 0, 0, 0]);
        assert!(matches!(
            halt,
            Some(Special::ClearHalt {
                number: 1,
                direction: Direction::In
            })
        ));
        let interface = Special::from_setup(&[0x01, 0x0b, 2, 0, 1, 0, 0, 0]);
        assert!(matches!(
            interface,
            Some(Special::SetInterface {
                interface: 1,
                alternate: 2
            })
        ));
        let configuration = Special::from_setup(&[0, 9, 0xff, 1, 0, 0, 0, 0]);
        assert!(matches!(
            configuration,
            Some(Special::SetConfiguration(0x1ff))
        ));
        let reset = Special::from_setup(&[0x23, 3, 4, 0, 1, 0, 0, 0]);
        assert!(matches!(reset, Some(Special::Reset)));
    }

    #[test]
    fn transfers_wait_for_what_concerns_them() {
        let halt = Special::ClearHalt {
            number: 1,
            direction: Direction::In,
        };
        assert!(halt.concerns(1, Direction::In));
        assert!(!halt.concerns(1, Direction::Out));
        assert!(!halt.concerns(2, Direction::In));
        assert!(Special::SetConfiguration(1).concerns(2, Direction::Out));
    }

    #[test]
    fn others_go_to_the_device() {
        for setup in [
            [0x80, 6, 0, 1, 0, 0, 18, 0],
            [0x02, 1, 1, 0, 0x81, 0, 0, 0],
            [0x81, 0x0b, 2, 0, 1, 0, 0, 0],
            [0x23, 3, 8, 0, 1, 0, 0, 0],
            [0xff; 8],
        ] {
            assert!(Special::from_setup(&setup).is_none());
        }
    }
}
