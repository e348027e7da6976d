// SPDX-License-Identifier: GPL-2.0

//! An exported device: its files, its client, and requests that are wrong as a whole.

use crate::attribute;
use crate::kind::{Kind, Role};
use crate::limit;
use crate::log::Log;
use crate::peer::Peer;
use crate::report::{Outcome, Report};
use crate::stub::{Export, Local};
use crate::wire;
use rustix::net::{socketpair, AddressFamily, SocketFlags, SocketType};
use std::fs::File;
use std::net::TcpListener;
use usbip_protocol::{CmdSubmit, CmdUnlink, Direction, Request};

/// Texts written to `usbip_sockfd` without a client, with a good socket in place of FD.
const TEXTS: &[(&str, &str)] = &[
    ("not-a-number", "x"),
    ("blank", " "),
    ("minus-one", "-1"),
    ("minus-two", "-2"),
    ("bad-fd", "9999"),
    ("hexadecimal", "0x3"),
    ("plus", "+FD"),
    ("good", "FD"),
    ("leading-blank", "  FD"),
    ("newline", "FD\n"),
    ("trailing-garbage", "FD garbage"),
    ("largest", "2147483647"),
    ("32-bits", "4294967295"),
    ("33-bits", "4294967296"),
];

const DESCRIPTOR: [u8; 8] = [0x80, 6, 0, 1, 0, 0, 18, 0];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("export", &[Role::Host], |report| {
        report.side_by_side(checks);
        let kind = report.kind;
        report.check("export.pending-unload", move || pending_unload(kind));
    });
}

fn checks(report: &mut Report) {
    report.check("export.files", files);
    for (name, text) in TEXTS {
        report.check(&format!("export.sockfd-{name}"), move || sockfd(text));
    }
    for (name, text) in [
        ("minus-one", "-1"),
        ("minus-two", "-2"),
        ("bad-fd", "9999"),
        ("good", "FD"),
        ("not-a-number", "x"),
    ] {
        report.check(&format!("export.in-use-sockfd-{name}"), move || {
            sockfd_in_use(text)
        });
    }
    report.check("export.sockfd-empty", || {
        let export = Local::stick()?.export()?;
        Ok(attribute::write(export.device.file("usbip_sockfd"), ""))
    });
    report.check("export.sockfd-file", || {
        refused(&File::open("/dev/null")?.into())
    });
    report.check("export.sockfd-listening", || {
        let export = Local::stick()?.export()?;
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let written = export.device.sockfd("FD", &socket);
        let again = export.device.wait_available();
        Ok(format!("{written} available again: {again}"))
    });
    for (name, kind) in [
        ("datagram", SocketType::DGRAM),
        ("seqpacket", SocketType::SEQPACKET),
    ] {
        report.check(&format!("export.sockfd-{name}"), move || {
            refused(&socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?.0)
        });
    }
    requests(report);
}

fn requests(report: &mut Report) {
    report.check("export.descriptor", || {
        let export = Local::stick()?.export()?;
        Ok(Peer::connect(&export.device)?.control(DESCRIPTOR)?)
    });
    report.check("export.states", states);
    report.check("export.again-and-again", again);
    report.check("export.wrong-devid", || wrong(|header| header[11] ^= 1));
    report.check("export.wrong-bus", || wrong(|header| header[9] ^= 1));
    report.check("export.unknown-command", || wrong(|header| header[3] = 9));
    report.check("export.reply-as-request", || wrong(|header| header[3] = 3));
    report.check("export.seqnum-zero", || {
        wrong(|header| header[4..8].fill(0))
    });
    report.check("export.seqnum-largest", || {
        wrong(|header| header[4..8].fill(0xff))
    });
    report.check("export.header-cut-off", || {
        let export = Local::stick()?.export()?;
        let mut peer = Peer::connect(&export.device)?;
        peer.send(&[0, 0, 0, 1, 0, 0])?;
        peer.close()?;
        Ok(format!(
            "available again: {}",
            export.device.wait_available()
        ))
    });
    report.check("export.header-in-pieces", pieces);
    report.check("export.unlink-unknown", || unlink(|_| ()));
    report.check("export.unlink-padding", || {
        unlink(|header| header[24..].fill(0xaa))
    });
    report.check("export.unlink-wrong-devid", || {
        unlink(|header| header[11] ^= 1)
    });
    report.check("export.unlink-ep-and-direction", || {
        unlink(|header| header[12..20].fill(0x11))
    });
    report.check("export.unbind-in-use", || {
        let export = Local::stick()?.export()?;
        let mut peer = Peer::connect(&export.device)?;
        let unbound = export.device.unbind("usbip-host");
        Ok(format!("{unbound} {}", peer.receive()))
    });
    report.check("export.pending-close", pending_close);
    report.check("export.pending-unlink", pending_unlink);
    report.check("export.pending-unlink-twice", pending_unlink_twice);
    report.check("export.pending-unbind", pending_unbind);
    report.check("export.foreign-client", foreign_client);
    report.check("export.close-quietly", close_quietly);
}

/// Modes of the files while exported, their content, and that they go.
fn files() -> Outcome {
    let device = Local::stick()?;
    let export = device.export()?;
    let list: Vec<String> = attribute::files(device.file(""))?
        .into_iter()
        .filter(|name| name.starts_with("usbip"))
        .collect();
    let values = [
        "usbip_status",
        "usbip_debug",
        "usbip_sockfd",
        "bConfigurationValue",
        "bNumInterfaces",
    ]
    .map(|name| attribute::read(device.file(name)));
    let written = attribute::write(device.file("usbip_status"), "1");
    drop(export);
    let gone = !device.file("usbip_status").exists();
    Ok(format!(
        "{} {} {written} gone: {gone}",
        list.join(" "),
        values.join(" ")
    ))
}

fn sockfd(text: &str) -> Outcome {
    let export = Local::stick()?.export()?;
    let (_ours, kernels) = wire::pair()?;
    let written = export.device.sockfd(text, &kernels);
    Ok(format!("{written} {}", export.device.status()))
}

fn sockfd_in_use(text: &str) -> Outcome {
    let export = Local::stick()?.export()?;
    let _peer = Peer::connect(&export.device)?;
    let (_ours, kernels) = wire::pair()?;
    let written = export.device.sockfd(text, &kernels);
    let end = match text {
        "-1" => export.device.wait_available().to_string(),
        _ => export.device.status(),
    };
    Ok(format!("{written} {end}"))
}

fn refused(socket: &std::os::fd::OwnedFd) -> Outcome {
    let export = Local::stick()?.export()?;
    let written = export.device.sockfd("FD", socket);
    Ok(format!("{written} {}", export.device.status()))
}

fn states() -> Outcome {
    let export = Local::stick()?.export()?;
    let before = export.device.status();
    let peer = Peer::connect(&export.device)?;
    let during = export.device.status();
    peer.close()?;
    Ok(format!(
        "{before} {during} available again: {}",
        export.device.wait_available()
    ))
}

fn again() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut lives = Vec::new();
    for _ in 0..4 {
        lives.push(Peer::connect(&export.device)?.liveness());
        lives.push(export.device.wait_available().to_string());
    }
    Ok(lives.join(" "))
}

/// A request for a descriptor with something changed in its header.
fn wrong(change: fn(&mut [u8; 48])) -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    // The reply is to a number nobody asked with, so its data has to be none.
    let request = peer.control_request([0x80, 6, 0, 1, 0, 0, 0, 0]);
    let mut header = Request::Submit(request).encode();
    change(&mut header);
    peer.send(&header)?;
    let reply = peer.receive();
    drop(peer);
    Ok(format!(
        "{reply}, available again: {}",
        export.device.wait_available()
    ))
}

fn pieces() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let request = peer.control_request([0x80, 6, 0, 1, 0, 0, 0, 0]);
    let header = Request::Submit(request).encode();
    for piece in header.chunks(17) {
        peer.send(piece)?;
        limit::settle();
    }
    Ok(peer.receive())
}

fn unlink(change: fn(&mut [u8; 48])) -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut header = Request::Unlink(CmdUnlink {
        seqnum: 50,
        devid: export.device.devid(),
        victim: 40,
    })
    .encode();
    change(&mut header);
    peer.send(&header)?;
    let reply = peer.receive();
    Ok(format!("{reply}, {}", peer.liveness()))
}

/// A client of the keyboard with a transfer that does not end by itself, and the transfer's number.
fn waiting() -> std::io::Result<(Export, Peer, u32)> {
    let export = Local::keyboard()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    peer.control([0, 9, 1, 0, 0, 0, 0, 0])?;
    // No reports but those of keys.
    peer.control([0x21, 0x0a, 0, 0, 0, 0, 0, 0])?;
    let mut request = peer.request(Direction::In, 1, 8);
    request.interval = 8;
    let victim = peer.submit(request, &[])?;
    limit::settle();
    Ok((export, peer, victim))
}

fn pending_close() -> Outcome {
    let (export, peer, _) = waiting()?;
    peer.close()?;
    Ok(format!(
        "available again: {}",
        export.device.wait_available()
    ))
}

fn pending_unlink() -> Outcome {
    let (_export, mut peer, victim) = waiting()?;
    peer.unlink(victim)?;
    Ok(format!("{}, {}", peer.receive(), peer.liveness()))
}

fn pending_unlink_twice() -> Outcome {
    let (_export, mut peer, victim) = waiting()?;
    peer.unlink(victim)?;
    let first = peer.receive();
    peer.unlink(victim)?;
    Ok(format!("{first}, {}, {}", peer.receive(), peer.liveness()))
}

fn pending_unbind() -> Outcome {
    let (export, mut peer, _) = waiting()?;
    let unbound = export.device.unbind("usbip-host");
    Ok(format!("{unbound}, {}", peer.receive()))
}

fn pending_unload(kind: Kind) -> Outcome {
    let (export, mut peer, _) = waiting()?;
    let unloaded = kind.unload(Role::Host);
    let reply = peer.receive();
    let back = limit::wait_until(|| export.device.driver() == "usb");
    drop(peer);
    Ok(format!(
        "{unloaded}, {reply}, back on usb: {back}, {}",
        kind.load(Role::Host)
    ))
}

/// A client that is not Linux: it says "no packets" as the specification has it, resets the device
/// first, and sends no flags.
fn foreign_client() -> Outcome {
    const RESET: [u8; 8] = [0x23, 3, 4, 0, 0, 0, 0, 0];
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut replies = Vec::new();
    for setup in [RESET, DESCRIPTOR, [0, 9, 1, 0, 0, 0, 0, 0]] {
        let request = foreign(peer.control_request(setup));
        peer.submit(request, &[])?;
        replies.push(peer.receive());
    }
    // INQUIRY, five bytes of its answer, and how it went.
    let mut command = b"USBC0123\x05\0\0\0\x80\0\x06\x12\0\0\0\x05".to_vec();
    command.resize(31, 0);
    let request = foreign(peer.request(Direction::Out, 2, 31));
    peer.submit(request, &command)?;
    for length in [5, 13] {
        let request = foreign(peer.request(Direction::In, 1, length));
        peer.submit(request, &[])?;
    }
    replies.extend((0..3).map(|_| peer.receive()));
    Ok(replies.join(", "))
}

fn foreign(request: CmdSubmit) -> CmdSubmit {
    CmdSubmit {
        packets: -1,
        flags: 0,
        ..request
    }
}

/// A client that goes as it should: nothing the driver says of that is an error.
fn close_quietly() -> Outcome {
    let export = Local::stick()?.export()?;
    let log = Log::from_now()?;
    let mut peer = Peer::connect(&export.device)?;
    let liveness = peer.liveness();
    peer.close()?;
    let available = export.device.wait_available();
    let errors = log.errors(&export.device.busid)?;
    Ok(format!(
        "{liveness}, available again: {available}, {errors:?}"
    ))
}
