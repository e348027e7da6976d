// SPDX-License-Identifier: GPL-2.0

//! Keeps one wanted device attached, in a thread of its own: a server that does not answer keeps
//! nothing else waiting.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use usbip_client::Records;
use usbip_sysfs::{Sysfs, VhciError};

use crate::attempt::{Attempt, Failure, Strangers};
use crate::backoff::Backoff;
use crate::board::Board;
use crate::marks::Marks;
use crate::phase::{Attachment, Phase, DETACH_GRACE, ENUMERATION, SECOND_LOOK, TEARDOWN};
use crate::ports::{in_use, wait_until_free, was_detached, Fate, Ports, Recorded};
use crate::wanted::Wanted;
use crate::CONNECTD;

/// What a keeper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something happened to the ports of this machine.
    Ports,
    /// The network has changed.
    Network,
    /// Somebody has removed a mark.
    Marks,
}

/// What all keepers use.
#[derive(Debug)]
pub struct Shared {
    /// Where the ports are.
    pub sysfs: Sysfs,
    /// Records of attached ports.
    pub records: Records,
    /// Who has which port.
    pub board: Board,
    /// What the user has detached.
    pub marks: Marks,
}

/// Keeps one device attached.
pub struct Keeper {
    shared: Arc<Shared>,
    wanted: Wanted,
    phase: Phase,
    backoff: Backoff,
    strangers: Strangers,
}

impl Keeper {
    /// Starts from what an earlier run has left behind.
    pub fn new(shared: Arc<Shared>, wanted: Wanted) -> Self {
        let earlier = shared.board.entry(&wanted.name);
        let attachment = earlier.and_then(|entry| entry.attachment());
        let now = Instant::now();
        let phase = match (attachment, shared.marks.has(&wanted.name)) {
            (_, true) => Phase::Detached,
            (Some(attachment), false) => {
                shared.board.claim(attachment.port, &wanted.name);
                let look = Some(now);
                let held = None;
                Phase::Attached {
                    attachment,
                    look,
                    held,
                }
            }
            (None, false) => Phase::Waiting {
                reason: "about to try".to_owned(),
                next: Some(now),
            },
        };
        Self {
            backoff: Backoff::new(wanted.retry_max),
            strangers: Strangers::new(),
            shared,
            wanted,
            phase,
        }
    }

    /// Keeps it attached until the sender is gone. What is attached then stays so.
    pub fn run(mut self, news: &Receiver<News>) {
        self.tell();
        self.marks_changed();
        loop {
            let deadline = self.phase.deadline();
            let received = match deadline {
                None => news.recv().map_err(RecvTimeoutError::from),
                Some(deadline) => {
                    news.recv_timeout(deadline.saturating_duration_since(Instant::now()))
                }
            };
            let before = self.phase.clone();
            match received {
                Ok(News::Ports) => self.look(Some(SECOND_LOOK)),
                Ok(News::Network) => self.network_changed(),
                Ok(News::Marks) => self.marks_changed(),
                Err(RecvTimeoutError::Timeout) => self.act(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.phase != before {
                self.tell();
            }
        }
    }

    fn tell(&self) {
        debug!(target: CONNECTD, "{}: {:?}", self.wanted.name, self.phase);
        let failures = self.backoff.failures();
        self.shared.board.tell(&self.wanted, &self.phase, failures);
    }

    /// Does what the time has come for.
    fn act(&mut self) {
        match &self.phase {
            Phase::Attached { .. } => self.look(None),
            Phase::Gone {
                attachment,
                recorded,
                judge,
            } => {
                let (attachment, recorded) = (attachment.clone(), *recorded);
                self.judge(&attachment, recorded, *judge);
            }
            Phase::Waiting { .. } => self.attempt(),
            Phase::Asleep | Phase::Detached => {}
        }
    }

    /// Looks at the ports, and again after `second`: one event may come before what it tells of.
    fn look(&mut self, second: Option<Duration>) {
        let ports = Ports::read(&self.shared.sysfs);
        match &self.phase {
            Phase::Attached { attachment, .. } => {
                let fate = ports.map(|ports| self.fate(&ports, attachment));
                self.react(fate, second);
            }
            Phase::Gone { .. } | Phase::Asleep => {}
            Phase::Waiting { .. } | Phase::Detached => {
                if let Ok(ports) = ports {
                    self.adopt(&ports);
                    self.driver_is_there();
                }
            }
        }
    }

    /// What became of an attachment. Devices of two servers may have the same number; the record of
    /// the port tells whose it is.
    fn fate(&self, ports: &Ports, attachment: &Attachment) -> Fate {
        match self.recorded(attachment) {
            Recorded::Other => Fate::Gone,
            Recorded::Ours | Recorded::Nothing => ports.fate(attachment),
        }
    }

    /// Does what the fate of the attachment calls for.
    fn react(&mut self, fate: Result<Fate, VhciError>, second: Option<Duration>) {
        let pause = match fate {
            Ok(Fate::Alive) => second,
            Ok(Fate::Enumerating) => Some(ENUMERATION),
            Ok(Fate::Broken) => return self.clear_port(),
            Ok(Fate::Gone) | Err(VhciError::NotLoaded) => return self.gone(),
            Err(error) => {
                warn!(target: CONNECTD, "{}: {error}", self.wanted.name);
                Some(ENUMERATION)
            }
        };
        if let Phase::Attached { look, .. } = &mut self.phase {
            *look = pause.map(|pause| Instant::now() + pause);
        }
    }

    /// Takes over an attachment somebody else has made, an earlier run or the user.
    fn adopt(&mut self, ports: &Ports) {
        let shared = &self.shared;
        let found = ports.attached(&shared.records).find(|(row, remote)| {
            self.wanted.is_at(&shared.sysfs, row, remote)
                && shared.board.claim(row.port, &self.wanted.name)
        });
        let Some((row, remote)) = found else { return };
        info!(target: CONNECTD, "{} is attached to port {}", self.wanted.name, row.port);
        shared.marks.clear(&self.wanted.name);
        let attachment = Attachment {
            port: row.port,
            devid: row.devid,
            busid: remote.busid,
            since: Instant::now(),
        };
        self.attached(attachment);
    }

    fn attached(&mut self, attachment: Attachment) {
        let look = Some(Instant::now() + ENUMERATION);
        let held = None;
        self.phase = Phase::Attached {
            attachment,
            look,
            held,
        };
    }

    /// Without a driver there is nothing to wait for but this.
    fn driver_is_there(&mut self) {
        if let Phase::Waiting { next, .. } = &mut self.phase {
            next.get_or_insert_with(Instant::now);
        }
    }

    /// A port in error is of no use to anybody until it is detached.
    fn clear_port(&mut self) {
        if let Phase::Attached { attachment, .. } = &self.phase {
            let vhci = self.shared.sysfs.vhci();
            self.shared.board.clearing();
            // What cannot be cleared now is seen again at the next event.
            let _ = vhci.map(|vhci| vhci.detach(attachment.port));
        }
        self.gone();
    }

    fn gone(&mut self) {
        if let Phase::Attached { attachment, .. } = &self.phase {
            info!(target: CONNECTD, "{} is gone from port {}", self.wanted.name, attachment.port);
            self.phase = Phase::Gone {
                attachment: attachment.clone(),
                recorded: self.recorded(attachment),
                judge: Instant::now() + DETACH_GRACE,
            };
        }
    }

    fn recorded(&self, attachment: &Attachment) -> Recorded {
        let remote = self.wanted.remote(&attachment.busid);
        Recorded::read(&self.shared.records, attachment.port, &remote)
    }

    /// Finds out why an attachment is gone.
    fn judge(&mut self, attachment: &Attachment, first: Recorded, due: Instant) {
        let (port, name) = (attachment.port, &self.wanted.name);
        let shared = &self.shared;
        shared.board.release(port, name);
        let later = self.recorded(attachment);
        let by_tool = was_detached(first, later);
        if !by_tool && later == Recorded::Ours {
            let stamp = shared.records.stamp(port);
            shared.board.remove_record(&shared.records, port, stamp);
        }
        let earliest = due.checked_sub(DETACH_GRACE + TEARDOWN);
        let earliest = earliest.unwrap_or(attachment.since).max(attachment.since);
        if by_tool || shared.board.was_detach_written(earliest) {
            info!(target: CONNECTD, "{name} was detached by the user; \"usbip-connectd --resume {name}\" attaches it again");
            shared.marks.set(name);
            self.phase = Phase::Detached;
            return;
        }
        let pause = self.backoff.lost(attachment.since, fastrand::f64());
        self.wait("the connection was lost".to_owned(), Some(pause));
    }

    fn wait(&mut self, reason: String, pause: Option<Duration>) {
        let next = pause.map(|pause| Instant::now() + pause);
        self.phase = match self.shared.marks.is_asleep() {
            true => Phase::Asleep,
            false => Phase::Waiting { reason, next },
        };
    }

    fn attempt(&mut self) {
        if self.shared.marks.is_asleep() {
            self.phase = Phase::Asleep;
            return;
        }
        if let Ok(ports) = Ports::read(&self.shared.sysfs) {
            self.adopt(&ports);
            if matches!(self.phase, Phase::Attached { .. }) {
                return;
            }
        }
        let result = Attempt {
            wanted: &self.wanted,
            sysfs: &self.shared.sysfs,
            records: &self.shared.records,
            board: &self.shared.board,
            strangers: &mut self.strangers,
        }
        .run();
        let name = &self.wanted.name;
        match result {
            Ok(attachment) => {
                let Attachment { port, busid, .. } = &attachment;
                info!(target: CONNECTD, "{name}: attached {busid} of {} to port {port}", self.wanted.server.host);
                self.attached(attachment);
            }
            Err(failure) => {
                // Once per kind of failure: a server may be away for days.
                let is_news = match &self.phase {
                    Phase::Waiting { reason, .. } => *reason != failure.to_string(),
                    _ => true,
                };
                if is_news {
                    warn!(target: CONNECTD, "{name}: {failure}");
                }
                let pause = match failure {
                    Failure::NoDriver => None,
                    _ => Some(self.backoff.failed(fastrand::f64())),
                };
                self.wait(failure.to_string(), pause);
            }
        }
    }

    /// The server may be in reach again.
    fn network_changed(&mut self) {
        if let Phase::Waiting {
            next: Some(next), ..
        } = &mut self.phase
        {
            let soon = Instant::now() + self.backoff.soon(fastrand::f64());
            *next = soon.min(*next);
        }
    }

    /// The user wants it again.
    fn marks_changed(&mut self) {
        let marks = &self.shared.marks;
        match (&mut self.phase, marks.is_asleep()) {
            (Phase::Attached { attachment, .. }, true) => {
                let attachment = attachment.clone();
                self.let_go(&attachment);
            }
            (Phase::Attached { held, .. }, false) => *held = None,
            (Phase::Waiting { .. }, true) => self.phase = Phase::Asleep,
            (Phase::Asleep, false) => self.soon(),
            (Phase::Detached, _) if !marks.has(&self.wanted.name) => self.soon(),
            _ => {}
        }
    }

    fn soon(&mut self) {
        let pause = self.backoff.soon(fastrand::f64());
        self.wait("about to try".to_owned(), Some(pause));
    }

    /// Gives the device back because the machine is about to sleep; a disk in use stays.
    fn let_go(&mut self, attachment: &Attachment) {
        let (name, port, shared) = (&self.wanted.name, attachment.port, &self.shared);
        if let (Some(reason), Phase::Attached { held, .. }) =
            (in_use(&shared.sysfs, port), &mut self.phase)
        {
            warn!(target: CONNECTD, "{name} stays attached, which keeps the machine awake: {reason}");
            *held = Some(reason);
            return;
        }
        info!(target: CONNECTD, "{name} is given back, the machine is about to sleep");
        let stamp = shared.records.stamp(port);
        shared.board.clearing();
        // Whatever keeps the driver from it ends the connection too.
        let _ = shared.sysfs.vhci().map(|vhci| vhci.detach(port));
        shared.board.remove_record(&shared.records, port, stamp);
        wait_until_free(&shared.sysfs, attachment);
        shared.board.release(port, name);
        self.phase = Phase::Asleep;
    }
}
