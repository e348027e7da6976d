// SPDX-License-Identifier: GPL-2.0

//! Cancelled transfers of servers that have no say, until the client has had enough.
//!
//! A group of its own: usbfs holds the device's lock while it waits, which nusb wants of one device
//! after the other, so the checks of the other lanes wait as well.

use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::pdu;
use crate::pipe::{cancelled, liveness, Pipe, PACKET};
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use std::io;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("overdue", &[Role::Vhci], |report| {
        report.side_by_side(checks);
    });
}

fn checks(report: &mut Report) {
    report.check("overdue.unlink", unanswered);
    report.check("overdue.data", data_never_sent);
    report.check("overdue.unread", || unread(|_| Ok(())));
    report.check("overdue.hardly-read", || {
        unread(|import| import.server.trickle())
    });
}

/// A cancellation without an answer.
fn unanswered() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    import.server.next()?;
    let result = cancelled(pipe.cancel());
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

/// A transfer whose data is announced and never comes, so that there is nothing to cancel any more.
fn data_never_sent() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    let victim = import.server.next()?;
    import
        .server
        .send(&pdu::ret_length(victim.seqnum(), 0, 100))?;
    limit::settle();
    let result = cancelled(pipe.cancel());
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

/// Transfers are cancelled that the server does not read; it goes on as it likes.
fn unread(then: fn(&Import) -> io::Result<()>) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let pipe = Pipe::stuck(&import, &interface)?;
    then(&import)?;
    let result = cancelled(pipe.cancel());
    Ok(format!("{result}, {}", import.fate()))
}
