// SPDX-License-Identifier: GPL-2.0

//! A server that answers whatever it is asked, except for interrupt transfers.

use contract::pdu::{self, Pdu};
use contract::scripted::{Scripted, INTERRUPT_IN};
use std::collections::HashSet;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use usbip_protocol::{CmdSubmit, Direction, IsoDescriptor, Request, RetSubmit};

const STALL: i32 = -32;
const CANCELLED: i32 = -104;

/// Serves until the connection ends.
pub fn serve(wire: UnixStream, device: Scripted) {
    thread::spawn(move || answer_all(wire, device));
}

fn answer_all(mut wire: UnixStream, device: Scripted) -> io::Result<()> {
    let mut waiting = HashSet::new();
    loop {
        let pdu = Pdu::read(&mut wire)?;
        let bytes = match &pdu.request {
            Request::Unlink(unlink) => {
                let status = match waiting.remove(&unlink.victim) {
                    true => CANCELLED,
                    false => 0,
                };
                pdu::ret_unlink(unlink.seqnum, status)
            }
            Request::Submit(submit) if submit.ep == u32::from(INTERRUPT_IN & 0x7f) => {
                waiting.insert(submit.seqnum);
                continue;
            }
            Request::Submit(submit) if submit.ep == 0 => control(submit, device),
            Request::Submit(submit) => transfer(submit, &pdu.packets),
        };
        wire.write_all(&bytes)?;
    }
}

fn control(submit: &CmdSubmit, device: Scripted) -> Vec<u8> {
    let (status, data) = device.control(submit.setup).unwrap_or((STALL, Vec::new()));
    pdu::ret_submit(submit.seqnum, status, &data)
}

/// All that was asked for.
fn transfer(submit: &CmdSubmit, packets: &[IsoDescriptor]) -> Vec<u8> {
    let data = match submit.direction {
        Direction::In => vec![0x5a; usize::try_from(submit.length).unwrap_or_default()],
        Direction::Out => Vec::new(),
    };
    let packets: Vec<IsoDescriptor> = packets
        .iter()
        .map(|packet| IsoDescriptor {
            actual_length: packet.length,
            ..*packet
        })
        .collect();
    let ret = RetSubmit {
        seqnum: submit.seqnum,
        status: 0,
        actual_length: i32::try_from(submit.length).unwrap_or_default(),
        start_frame: 0,
        packets: i32::try_from(packets.len()).unwrap_or_default(),
        error_count: 0,
    };
    pdu::ret_iso(ret, &data, &packets)
}
