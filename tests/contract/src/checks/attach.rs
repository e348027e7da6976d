// SPDX-License-Identifier: GPL-2.0

//! What `attach` takes and what it refuses, and in which order it looks.

use crate::kind::Role;
use crate::report::{Outcome, Report};
use crate::vhci::{Vhci, FREE};
use crate::wire;
use rustix::net::{socketpair, AddressFamily, SocketFlags, SocketType};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

/// Lines written with a good socket in place of FD. `{ports}` is the number of all ports, `{half}`
/// the number of ports of a hub.
const LINES: &[(&str, &str)] = &[
    ("empty-line", "\n"),
    ("not-a-number", "x"),
    ("one-number", "0"),
    ("two-numbers", "0 FD"),
    ("three-numbers", "0 FD 65538"),
    ("last-not-a-number", "0 FD 65538 x"),
    ("comma", "0,FD,65538,3"),
    ("port-negative", "-1 FD 65538 3"),
    ("port-plus", "+0 FD 65538 3"),
    ("port-hexadecimal", "0x0 FD 65538 3"),
    ("port-too-large", "{ports} FD 65538 3"),
    ("port-largest", "4294967295 FD 65538 3"),
    ("port-33-bits", "4294967296 FD 65538 3"),
    ("port-33-bits-and-one", "4294967297 FD 65538 3"),
    ("port-beyond-64-bits", "99999999999999999999 FD 65538 3"),
    ("port-too-large-bad-speed", "{ports} FD 65538 9"),
    ("port-leading-zeros", "0000001 FD 65538 3"),
    ("devid-33-bits", "0 FD 4294967298 3"),
    ("devid-negative", "0 FD -1 3"),
    ("devid-zero", "0 FD 0 3"),
    ("speed-0", "0 FD 65538 0"),
    ("speed-1", "0 FD 65538 1"),
    ("speed-2", "0 FD 65538 2"),
    ("speed-3", "0 FD 65538 3"),
    ("speed-4", "0 FD 65538 4"),
    ("speed-5", "{half} FD 65538 5"),
    ("speed-6", "{half} FD 65538 6"),
    ("speed-7", "{half} FD 65538 7"),
    ("speed-largest", "{half} FD 65538 4294967295"),
    ("speed-33-bits", "0 FD 65538 4294967299"),
    ("speed-negative", "0 FD 65538 -3"),
    ("super-on-high-port", "0 FD 65538 5"),
    ("high-on-super-port", "{half} FD 65538 3"),
    ("super-on-high-port-1", "1 FD 65538 6"),
    ("last-port-of-all", "{last} FD 65538 5"),
    ("second-controller", "{second} FD 65538 3"),
    ("leading-blanks", "   0 FD 65538 3"),
    ("leading-newline", "\n0 FD 65538 3"),
    ("tabs", "0\tFD\t65538\t3"),
    ("newlines", "0\nFD\n65538\n3\n"),
    ("trailing-newline", "0 FD 65538 3\n"),
    ("trailing-garbage", "0 FD 65538 3 garbage"),
    ("trailing-letters", "0 FD 65538 3abc"),
    ("five-numbers", "0 FD 65538 3 4"),
    ("fd-bad", "0 9999 65538 3"),
    ("fd-minus-one", "0 -1 65538 3"),
    ("fd-largest", "0 4294967295 65538 3"),
    ("fd-33-bits", "0 4294967296 65538 3"),
    ("fd-bad-bad-speed", "0 9999 65538 7"),
    ("zero-byte", "0 FD 65538 3\0 garbage"),
    ("zero-byte-early", "0 FD\0 65538 3"),
];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("attach", &[Role::Vhci], |report| {
        for (name, line) in LINES {
            report.check(&format!("attach.{name}"), move || matrix(line));
        }
        report.check("attach.empty", || {
            Ok(crate::attribute::write(Vhci.file("attach"), ""))
        });
        report.check("attach.page", || {
            let line = format!("0 FD 65538 3{}", " ".repeat(4000));
            matrix(&line)
        });
        descriptors(report);
        busy(report);
    });
}

/// Writes a line with a good socket; what it comes to, and which ports are taken.
fn matrix(line: &str) -> Outcome {
    let (_ours, kernels) = wire::pair()?;
    attempt(line, &kernels.into())
}

fn attempt(line: &str, socket: &OwnedFd) -> Outcome {
    let vhci = Vhci;
    let (half, ports) = (vhci.hub_ports(), vhci.ports());
    let line = line
        .replace("{ports}", &ports.to_string())
        .replace("{last}", &ports.saturating_sub(1).to_string())
        .replace("{second}", &(2 * half).to_string())
        .replace("{half}", &half.to_string());
    let written = vhci.attach_line(&line, socket.as_fd());
    let busy = vhci.busy();
    let cleared = if vhci.clear() { "" } else { ", not freed" };
    Ok(format!("{written}, {busy}{cleared}"))
}

/// Descriptors that are no connected stream socket.
fn descriptors(report: &mut Report) {
    let pair = |kind| socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None);
    report.check("attach.fd-file", || {
        attempt("0 FD 65538 3", &File::open("/dev/null")?.into())
    });
    report.check("attach.fd-datagram", move || {
        attempt("0 FD 65538 3", &pair(SocketType::DGRAM)?.0)
    });
    report.check("attach.fd-seqpacket", move || {
        attempt("0 FD 65538 3", &pair(SocketType::SEQPACKET)?.0)
    });
    report.check("attach.fd-udp", || {
        attempt("0 FD 65538 3", &UdpSocket::bind("127.0.0.1:0")?.into())
    });
    report.check("attach.fd-listening", || {
        let vhci = Vhci;
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let written = vhci.attach_line("0 FD 65538 3", socket.as_fd());
        Ok(format!("{written}, freed: {}", vhci.wait_state(0, FREE)))
    });
    report.check("attach.fd-closed-peer", || {
        let vhci = Vhci;
        let (ours, kernels) = wire::pair()?;
        drop(ours);
        let written = vhci.attach_line("0 FD 65538 3", kernels.as_fd());
        Ok(format!("{written}, freed: {}", vhci.wait_state(0, FREE)))
    });
    report.check("attach.keeps-socket-open", || {
        let vhci = Vhci;
        let (mut ours, kernels) = wire::pair()?;
        let written = vhci.attach_line("0 FD 65538 3", kernels.as_fd());
        drop(kernels);
        let mut first = [0; 4];
        ours.read_exact(&mut first)?;
        vhci.clear();
        Ok(format!("{written}, first word {first:?}"))
    });
    report.check("attach.detach-closes-socket", || {
        let vhci = Vhci;
        let (mut ours, kernels) = wire::pair()?;
        let written = vhci.attach_line("0 FD 65538 3", kernels.as_fd());
        drop(kernels);
        let detached = vhci.detach("0");
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest)?;
        Ok(format!(
            "{written}, {detached}, end of stream, freed: {}",
            vhci.clear()
        ))
    });
}

/// Lines written to a port that is taken.
fn busy(report: &mut Report) {
    const BUSY: &[(&str, &str)] = &[
        ("good", "0 FD 65538 3"),
        ("bad-fd", "0 9999 65538 3"),
        ("bad-speed", "0 FD 65538 7"),
        ("other-half", "{half} FD 65538 2"),
        ("other-hub", "0 FD 65538 5"),
        ("next-port", "1 FD 65539 3"),
    ];
    for (name, line) in BUSY {
        report.check(&format!("attach.busy-{name}"), move || {
            let (_first, kernels) = wire::pair()?;
            Vhci.attach_line("0 FD 65538 3", kernels.as_fd());
            matrix(line)
        });
    }
    report.check("attach.busy-datagram", || {
        let (_first, kernels) = wire::pair()?;
        Vhci.attach_line("0 FD 65538 3", kernels.as_fd());
        let pair = socketpair(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        attempt("0 FD 65538 3", &pair.0)
    });
    report.check("attach.busy-keeps-connection", || {
        let (_first, kernels) = wire::pair()?;
        Vhci.attach_line("0 FD 65538 3", kernels.as_fd());
        let (mut ours, mut second) = wire::pair()?;
        let written = Vhci.attach_line("0 FD 65538 3", second.as_fd());
        ours.write_all(&[7])?;
        let mut byte = [0];
        second.read_exact(&mut byte)?;
        Ok(format!("{written}, got {byte:?}"))
    });
    report.check("attach.every-port", || {
        let vhci = Vhci;
        let half = vhci.hub_ports();
        let mut kept = Vec::new();
        let mut results = Vec::new();
        for row in vhci.rows().iter().filter(|row| row.port < 2 * half) {
            let (ours, kernels) = wire::pair()?;
            let speed = if row.hub == "hs" { 3 } else { 5 };
            let line = format!("{} FD 65538 {speed}", row.port);
            results.push(vhci.attach_line(&line, kernels.as_fd()));
            kept.push(ours);
        }
        let free = vhci.rows().iter().filter(|row| row.state == FREE).count();
        Ok(format!(
            "{} free: {free}, freed: {}",
            results.join(" "),
            vhci.clear()
        ))
    });
}
