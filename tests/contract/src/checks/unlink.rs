// SPDX-License-Identifier: GPL-2.0

//! Cancelled transfers: what goes over the wire, and what each answer of the server comes to.

use crate::import::Import;
use crate::kind::Role;
use crate::limit::{self, SOON};
use crate::pdu::{self, Pdu};
use crate::pipe::{cancelled, liveness, Pipe, PACKET};
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use crate::slab;
use std::io;
use std::time::Instant;

/// What the server does, given the transfer and its cancellation.
type Answer = fn(&Import, &Pdu, &Pdu) -> io::Result<()>;

const ANSWERS: &[(&str, Answer)] = &[
    ("econnreset", |import, _, unlink| {
        unlinked(import, unlink, -104)
    }),
    ("zero-without-submit", |import, _, unlink| {
        unlinked(import, unlink, 0)
    }),
    ("epipe", |import, _, unlink| unlinked(import, unlink, -32)),
    ("positive", |import, _, unlink| unlinked(import, unlink, 5)),
    ("submit-then-zero", |import, victim, unlink| {
        import.server.reply(victim, 0, b"0123456789")?;
        unlinked(import, unlink, 0)
    }),
    ("submit-error-then-zero", |import, victim, unlink| {
        import.server.reply(victim, -32, &[])?;
        unlinked(import, unlink, 0)
    }),
    ("submit-only", |import, victim, _| {
        import.server.reply(victim, 0, b"0123456789")
    }),
    ("submit-after-unlink", |import, victim, unlink| {
        unlinked(import, unlink, -104)?;
        import.server.reply(victim, 0, b"0123456789")
    }),
    ("unknown-then-right", |import, _, unlink| {
        import
            .server
            .send(&pdu::ret_unlink(unlink.seqnum() + 1000, 0))?;
        unlinked(import, unlink, -104)
    }),
    ("seqnum-of-victim-then-right", |import, victim, unlink| {
        import
            .server
            .send(&pdu::ret_unlink(victim.seqnum(), -104))?;
        unlinked(import, unlink, -104)
    }),
    ("twice", |import, _, unlink| {
        unlinked(import, unlink, -104)?;
        unlinked(import, unlink, -104)
    }),
    ("close", |import, _, _| import.server.close()),
    ("silence-then-detach", |import, _, _| {
        limit::settle();
        crate::vhci::Vhci.detach(&import.port.to_string());
        Ok(())
    }),
    ("submit-with-seqnum-of-unlink", |import, _, unlink| {
        import.server.reply(unlink, 0, b"0123456789")
    }),
];

fn unlinked(import: &Import, unlink: &Pdu, status: i32) -> io::Result<()> {
    import
        .server
        .send(&pdu::ret_unlink(unlink.seqnum(), status))
}

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("unlink", &[Role::Vhci], |report| {
        report.side_by_side(checks);
        // By itself: what it counts is everybody's.
        report.check("unlink.unlink-never-answered", never_answered);
    });
}

fn checks(report: &mut Report) {
    report.check("unlink.request", request);
    for (name, answer) in ANSWERS {
        report.check(&format!("unlink.{name}"), move || unlink(*answer, PACKET));
    }
    for (name, answer) in ANSWERS.iter().take(5) {
        report.check(&format!("unlink.scatter-{name}"), move || {
            unlink(*answer, 65_536)
        });
    }
    report.check("unlink.unsent", unsent);
    report.check("unlink.several", several);
    report.check("unlink.out", output);
}

/// The PDU of a cancellation.
fn request() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    let victim = import.server.next()?;
    let waiting = pipe.cancel();
    let unlink = import.server.next()?;
    unlinked(&import, &unlink, -104)?;
    let result = cancelled(waiting);
    let first = victim.seqnum();
    Ok(format!(
        "{}; {}; {result}",
        victim.text(first),
        unlink.text(first)
    ))
}

fn unlink(answer: Answer, length: usize) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(length);
    let victim = import.server.next()?;
    let waiting = pipe.cancel();
    let unlink = import.server.next()?;
    answer(&import, &victim, &unlink)?;
    let result = cancelled(waiting);
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

/// A transfer is cancelled that waits behind others, which the server does not read.
fn unsent() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let _stuck = Pipe::stuck(&import, &interface)?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    let begin = Instant::now();
    let result = cancelled(pipe.cancel());
    let soon = begin.elapsed() < limit::stretched(SOON);
    import.server.close()?;
    Ok(format!("{result}, soon: {soon}, {}", import.fate()))
}

/// Each transfer is answered as it is cancelled, and no cancellation ever is.
fn never_answered() -> Outcome {
    const ROUNDS: usize = 1000;
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    let before = slab::objects()?;
    for _ in 0..ROUNDS {
        pipe.ask(PACKET);
        let victim = import.server.next()?;
        let waiting = pipe.cancel();
        import.server.next()?;
        import.server.reply(&victim, 0, &[])?;
        pipe = waiting.join().map_err(|_| io::Error::other("panic"))?;
        pipe.result();
    }
    let grown = slab::objects()? > before + ROUNDS / 2;
    drop(pipe);
    Ok(format!(
        "more memory: {grown}, {}",
        liveness(&import, &interface)
    ))
}

/// Four transfers; the last is cancelled first, as usbfs does.
fn several() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    let mut first = 0;
    for _ in 0..4 {
        pipe.ask(PACKET);
        let seqnum = import.server.next()?.seqnum();
        first = if first == 0 { seqnum } else { first };
    }
    let waiting = pipe.cancel();
    let mut texts = Vec::new();
    for _ in 0..4 {
        let unlink = import.server.next()?;
        texts.push(unlink.text(first));
        unlinked(&import, &unlink, -104)?;
    }
    let result = cancelled(waiting);
    Ok(format!(
        "{}; {result}, {}",
        texts.join("; "),
        liveness(&import, &interface)
    ))
}

fn output() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::output(&interface)?;
    pipe.put(vec![9; 100]);
    let victim = import.server.next()?;
    let waiting = pipe.cancel();
    let unlink = import.server.next()?;
    unlinked(&import, &unlink, -104)?;
    let result = cancelled(waiting);
    let text = victim.text(victim.seqnum());
    Ok(format!(
        "{text}; {result}, {}",
        liveness(&import, &interface)
    ))
}
