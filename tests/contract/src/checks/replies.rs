// SPDX-License-Identifier: GPL-2.0

//! Replies no honest server sends, and honest ones that come in odd ways: how the transfer ends,
//! and whether the connection goes on.

use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::pdu::{self, Pdu};
use crate::pipe::{liveness, Pipe, PACKET};
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use nusb::transfer::{ControlIn, ControlType, Recipient};
use nusb::MaybeFuture;
use std::io;

/// Sends what a check has in mind in reply to a request.
type Answer = fn(&Import, &Pdu) -> io::Result<()>;

/// Replies to a request for one packet.
const IN: &[(&str, Answer)] = &[
    ("full", |import, to| {
        import.server.reply(to, 0, &[7; PACKET])
    }),
    ("short", |import, to| import.server.reply(to, 0, &[7; 10])),
    ("none", |import, to| import.server.reply(to, 0, &[])),
    ("one-too-many", |import, to| {
        import.server.reply(to, 0, &[7; PACKET + 1])
    }),
    ("length-negative", |import, to| length(import, to, -1)),
    ("length-most-negative", |import, to| {
        length(import, to, i32::MIN)
    }),
    ("length-largest", |import, to| length(import, to, i32::MAX)),
    ("error-with-data", |import, to| {
        import.server.reply(to, -75, &[7; 10])
    }),
    ("unknown-seqnum", |import, to| {
        import
            .server
            .send(&pdu::ret_submit(to.seqnum() + 1000, 0, &[7; 10]))
    }),
    ("seqnum-zero", |import, _| {
        import.server.send(&pdu::ret_submit(0, 0, &[]))
    }),
    ("unknown-command", |import, to| command(import, to, 9)),
    ("command-zero", |import, to| command(import, to, 0)),
    ("request-submit", |import, to| command(import, to, 1)),
    ("request-unlink", |import, to| command(import, to, 2)),
    ("garbage", |import, _| import.server.send(&[0xff; 48])),
    ("twice", |import, to| {
        import.server.reply(to, 0, &[7; 10])?;
        import.server.reply(to, 0, &[8; 10])
    }),
    ("header-in-pieces", |import, to| {
        let bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
        pieces(import, &bytes, 1)
    }),
    ("header-and-half-the-data", |import, to| {
        let bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
        pieces(import, &bytes, 53)
    }),
    ("header-cut-off", |import, to| cut_off(import, to, 20)),
    ("header-without-data", |import, to| cut_off(import, to, 48)),
    ("data-cut-off", |import, to| cut_off(import, to, 53)),
    ("base-not-zero", |import, to| {
        let mut bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
        bytes[8..20].fill(0x5a);
        import.server.send(&bytes)
    }),
    ("padding-not-zero", |import, to| {
        let mut bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
        bytes[40..48].fill(0x5a);
        import.server.send(&bytes)
    }),
    ("packets-minus-one", |import, to| word(import, to, 32, -1)),
    ("packets-five", |import, to| word(import, to, 32, 5)),
    ("error-count", |import, to| word(import, to, 36, 5)),
    ("start-frame", |import, to| word(import, to, 28, 5)),
    ("unlink-unasked", |import, to| {
        import.server.send(&pdu::ret_unlink(to.seqnum(), -104))?;
        import.server.reply(to, 0, &[7; 10])
    }),
    ("unlink-unknown", |import, to| {
        import
            .server
            .send(&pdu::ret_unlink(to.seqnum() + 1000, 0))?;
        import.server.reply(to, 0, &[7; 10])
    }),
];

/// Replies to a transfer of 64 bytes the other way.
const OUT: &[(&str, Answer)] = &[
    ("full", |import, to| length(import, to, 64)),
    ("short", |import, to| length(import, to, 10)),
    ("one-too-many", |import, to| length(import, to, 65)),
    ("far-too-many", |import, to| length(import, to, 0x0100_0000)),
    ("length-negative", |import, to| length(import, to, -1)),
    ("stall", |import, to| import.server.reply(to, -32, &[])),
    ("unasked-data", |import, to| {
        import.server.reply(to, 0, &[7; 10])
    }),
];

/// Words of status, whether they are one or not.
const STATUS: &[(&str, i32)] = &[
    ("enoent", -2),
    ("exdev", -18),
    ("enodev", -19),
    ("epipe", -32),
    ("etime", -62),
    ("eproto", -71),
    ("eoverflow", -75),
    ("eilseq", -84),
    ("econnreset", -104),
    ("eshutdown", -108),
    ("etimedout", -110),
    ("einprogress", -115),
    ("eremoteio", -121),
    ("one", 1),
    ("positive", 110),
    ("beyond-errno", -4096),
    ("most-negative", i32::MIN),
];

fn length(import: &Import, to: &Pdu, actual: i32) -> io::Result<()> {
    import.server.send(&pdu::ret_length(to.seqnum(), 0, actual))
}

fn command(import: &Import, to: &Pdu, command: u8) -> io::Result<()> {
    let mut bytes = pdu::ret_submit(to.seqnum(), 0, &[]);
    bytes[3] = command;
    import.server.send(&bytes)
}

fn word(import: &Import, to: &Pdu, offset: usize, value: i32) -> io::Result<()> {
    let mut bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
    bytes[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
    import.server.send(&bytes)
}

fn pieces(import: &Import, bytes: &[u8], first: usize) -> io::Result<()> {
    let (head, tail) = bytes.split_at(first);
    import.server.send(head)?;
    limit::settle();
    import.server.send(tail)
}

fn cut_off(import: &Import, to: &Pdu, length: usize) -> io::Result<()> {
    let bytes = pdu::ret_submit(to.seqnum(), 0, &[7; 10]);
    import.server.send(&bytes[..length])?;
    import.server.close()
}

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("replies", &[Role::Vhci], |report| {
        report.side_by_side(checks);
    });
}

fn checks(report: &mut Report) {
    for (name, answer) in IN {
        report.check(&format!("replies.in-{name}"), move || input(*answer));
    }
    for (name, answer) in OUT {
        report.check(&format!("replies.out-{name}"), move || output(*answer));
    }
    for (name, value) in STATUS {
        report.check(&format!("replies.status-{name}"), move || status(*value));
    }
    report.check("replies.out-of-order", out_of_order);
    report.check("replies.control-too-long", || control(9));
    report.check("replies.control-short", || control(3));
}

fn input(answer: Answer) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    answer(&import, &import.server.next()?)?;
    let result = pipe.result();
    drop(pipe);
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

fn output(answer: Answer) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::output(&interface)?;
    pipe.put(vec![9; 64]);
    answer(&import, &import.server.next()?)?;
    let result = pipe.result();
    drop(pipe);
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

fn status(value: i32) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let mut pipe = Pipe::input(&interface)?;
    pipe.ask(PACKET);
    import.server.reply(&import.server.next()?, value, &[])?;
    let result = pipe.result();
    drop(pipe);
    Ok(format!("{result}, {}", liveness(&import, &interface)))
}

fn out_of_order() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let (mut input, mut output) = (Pipe::input(&interface)?, Pipe::output(&interface)?);
    input.ask(PACKET);
    let first = import.server.next()?;
    output.put(vec![9; 64]);
    let second = import.server.next()?;
    length(&import, &second, 64)?;
    let sent = output.result();
    import.server.reply(&first, 0, &[7; 10])?;
    Ok(format!("{sent}, {}", input.result()))
}

/// A vendor request for 8 bytes that is answered with another number of them.
fn control(count: usize) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let interface = import.open()?;
    let asking = {
        let interface = interface.clone();
        let request = ControlIn {
            control_type: ControlType::Vendor,
            recipient: Recipient::Device,
            request: 0x51,
            value: 0x1234,
            index: 0x5678,
            length: 8,
        };
        let limit = limit::stretched(limit::SOON);
        std::thread::spawn(move || interface.control_in(request, limit).wait())
    };
    let request = import.server.next()?;
    import.server.reply(&request, 0, &vec![7; count])?;
    let result = match asking.join() {
        Ok(Ok(data)) => format!("ok {}", data.len()),
        Ok(Err(error)) => format!("{error:?}"),
        Err(_) => "panic".to_owned(),
    };
    let text = request.text(request.seqnum());
    Ok(format!(
        "{text}, {result}, {}",
        liveness(&import, &interface)
    ))
}
