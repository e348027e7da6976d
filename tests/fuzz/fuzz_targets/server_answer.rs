// SPDX-License-Identifier: GPL-2.0

//! The tools' whole op phase against a server that answers with the input: its first bit says what
//! it is asked for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{channel, Sender};
use std::sync::OnceLock;
use std::thread;
use usbip_client::Server;
use usbip_net::DeadPeerLimit;
use usbip_protocol::op::{BUSID_LEN, OP_HEADER_LEN, USB_DEVICE_LEN};

/// A server on this machine.
struct Peer {
    server: Server,
    answers: Sender<(usize, Vec<u8>)>,
}

static PEER: OnceLock<Peer> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let Some((first, answer)) = data.split_first() else {
        return;
    };
    let peer = PEER.get_or_init(start);
    let import = first & 1 == 1;
    let asked = OP_HEADER_LEN + if import { BUSID_LEN } else { 0 };
    let sent = peer.answers.send((asked, answer.to_vec()));
    sent.expect("the server runs as long as we do");
    if import {
        let wanted = name_in(answer);
        if let Ok(imported) = peer.server.import(&wanted) {
            assert!(answer.len() >= OP_HEADER_LEN + USB_DEVICE_LEN);
            drop(imported);
        }
    } else if let Ok(listed) = peer.server.devices() {
        assert!(listed.len() * USB_DEVICE_LEN <= answer.len());
    }
});

/// The name the answer gives the device, so that it is often the one that is asked for.
fn name_in(answer: &[u8]) -> String {
    let field = answer.iter().skip(OP_HEADER_LEN + 256).take(BUSID_LEN - 1);
    let name = field.copied().take_while(u8::is_ascii_graphic).collect();
    String::from_utf8(name).unwrap_or_default()
}

/// Starts the server: it reads a whole request, answers and closes.
fn start() -> Peer {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    let (answers, asked) = channel::<(usize, Vec<u8>)>();
    thread::spawn(move || {
        for (length, answer) in asked {
            let (mut wire, _) = listener.accept().expect("a client is about to connect");
            let mut request = vec![0; length];
            // A client that has seen enough may be gone already.
            let _ = wire.read_exact(&mut request);
            let _ = wire.write_all(&answer);
        }
    });
    let server = Server {
        host: Ipv4Addr::LOCALHOST.to_string(),
        port: port.to_string().parse().expect("a number is a port"),
        dead_peer: DeadPeerLimit::default(),
    };
    Peer { server, answers }
}
