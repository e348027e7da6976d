// SPDX-License-Identifier: GPL-2.0

//! Isochronous transfers of an imported device: what goes over the wire, and what each reply comes
//! to, packet by packet.

use crate::import::Import;
use crate::kind::Role;
use crate::pdu::{self, Pdu};
use crate::report::{Outcome, Report};
use crate::scripted::{Speed, ISO_IN, ISO_OUT};
use crate::usbfs::{Ended, Node, MAX_PACKETS};
use crate::{errno, limit};
use std::io;
use usbip_protocol::{IsoDescriptor, RetSubmit};

/// Bytes of a packet.
const PACKET: usize = 64;
/// Packets of a transfer.
const COUNT: usize = 4;

/// Makes a reply out of an honest one that fills every packet.
type Change = fn(&mut RetSubmit, &mut Vec<IsoDescriptor>);

/// Replies to a request to read. As many bytes follow as the header says.
const IN: &[(&str, Change)] = &[
    ("full", |_, _| ()),
    ("gaps", |ret, packets| {
        lengths(ret, packets, &[10, 0, 20, 64])
    }),
    ("last-short", |ret, packets| {
        lengths(ret, packets, &[64, 64, 64, 5])
    }),
    ("first-short", |ret, packets| {
        lengths(ret, packets, &[1, 64, 64, 64])
    }),
    ("first-empty", |ret, packets| {
        lengths(ret, packets, &[0, 64, 64, 64])
    }),
    ("only-last", |ret, packets| {
        lengths(ret, packets, &[0, 0, 0, 7])
    }),
    ("empty", |ret, packets| lengths(ret, packets, &[0; COUNT])),
    ("packet-error", |ret, packets| {
        lengths(ret, packets, &[64, 0, 64, 64]);
        packets[1].status = -18;
        ret.error_count = 1;
    }),
    ("status-error", |ret, packets| {
        lengths(ret, packets, &[64, 0, 0, 0]);
        ret.status = -104;
    }),
    ("start-frame", |ret, _| ret.start_frame = 77),
    ("error-count", |ret, _| ret.error_count = 77),
    ("error-count-negative", |ret, _| ret.error_count = -1),
    ("packet-status-positive", |_, packets| packets[2].status = 5),
    ("offsets-swapped", |_, packets| {
        packets[1].offset = 128;
        packets[2].offset = 64;
    }),
    ("offset-outside", |ret, packets| {
        lengths(ret, packets, &[64, 10, 64, 64]);
        packets[2].offset = 0x10_0000;
    }),
    ("offset-largest", |ret, packets| {
        lengths(ret, packets, &[64, 10, 64, 64]);
        packets[3].offset = u32::MAX;
    }),
    ("offsets-zero", |ret, packets| {
        lengths(ret, packets, &[64, 10, 64, 64]);
        packets.iter_mut().for_each(|packet| packet.offset = 0);
    }),
    ("lengths-changed", |_, packets| {
        packets.iter_mut().for_each(|packet| packet.length = 9999);
    }),
    ("packet-longer-than-asked", |ret, packets| {
        lengths(ret, packets, &[100, 10, 10, 10])
    }),
    ("packet-longer-than-all", |ret, packets| {
        packets[0].actual_length = 0x10_0000;
        ret.actual_length = 64;
    }),
    ("sum-too-small", |_, packets| packets[3].actual_length = 1),
    ("sum-too-large", |ret, _| ret.actual_length = 10),
    ("sum-overflows", |ret, packets| {
        lengths(ret, packets, &[0; COUNT]);
        packets[0].actual_length = u32::MAX;
        packets[1].actual_length = 1;
    }),
    ("packets-missing", |ret, packets| {
        lengths(ret, packets, &[64, 10, 0, 0]);
        packets.truncate(2);
        ret.packets = 2;
    }),
    ("packets-none", |ret, packets| {
        packets.clear();
        ret.packets = 0;
        ret.actual_length = 0;
    }),
    ("packets-none-with-data", |ret, packets| {
        packets.clear();
        ret.packets = 0;
    }),
    ("packets-negative", |ret, packets| {
        packets.clear();
        ret.packets = -1;
        ret.actual_length = 0;
    }),
    ("packets-negative-but-there", |ret, _| ret.packets = -1),
    ("one-packet-too-many", |ret, packets| {
        packets.push(packets[3]);
        packets[3].actual_length = 0;
        ret.packets = 5;
    }),
    ("packets-too-many", |ret, _| ret.packets = 5000),
];

/// Replies to a request to write. No bytes follow.
const OUT: &[(&str, Change)] = &[
    ("full", |_, _| ()),
    ("short", |ret, packets| {
        lengths(ret, packets, &[64, 10, 64, 64])
    }),
    ("none", |ret, packets| lengths(ret, packets, &[0; COUNT])),
    ("sum-wrong", |ret, _| ret.actual_length = 1),
    ("packets-none", |ret, packets| {
        packets.clear();
        ret.packets = 0;
        ret.actual_length = 0;
    }),
    ("offset-outside", |ret, packets| {
        lengths(ret, packets, &[64, 10, 64, 64]);
        packets[1].offset = 0x10_0000;
    }),
];

fn lengths(ret: &mut RetSubmit, packets: &mut [IsoDescriptor], lengths: &[u32]) {
    for (packet, length) in packets.iter_mut().zip(lengths) {
        packet.actual_length = *length;
    }
    ret.actual_length = lengths.iter().sum::<u32>().try_into().unwrap_or(i32::MAX);
}

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("iso", &[Role::Vhci], |report| {
        report.side_by_side(|report| {
            report.check("iso.request-in", || request(ISO_IN));
            report.check("iso.request-out", || request(ISO_OUT));
            for (name, change) in IN {
                report.check(&format!("iso.in-{name}"), move || {
                    transfer(Speed::High, ISO_IN, COUNT, *change)
                });
            }
            for (name, change) in OUT {
                report.check(&format!("iso.out-{name}"), move || {
                    transfer(Speed::High, ISO_OUT, COUNT, *change)
                });
            }
            for (name, speed) in [("full", Speed::Full), ("super", Speed::Super)] {
                report.check(&format!("iso.in-at-{name}-speed"), move || {
                    transfer(speed, ISO_IN, COUNT, |ret, packets| {
                        lengths(ret, packets, &[10, 0, 20, 64])
                    })
                });
            }
            report.check("iso.in-most-packets", || {
                transfer(Speed::High, ISO_IN, MAX_PACKETS, |_, _| ())
            });
            report.check("iso.close", close);
        });
    });
}

/// The request as it is on the wire.
fn request(endpoint: u8) -> Outcome {
    let import = Import::configured(Speed::High)?;
    let node = Node::open(&import.node())?;
    let pending = node.submit(endpoint, PACKET, pattern(COUNT))?;
    let request = import.server.next()?;
    import.server.close()?;
    drop(pending);
    Ok(request.text(request.seqnum()))
}

fn transfer(speed: Speed, endpoint: u8, count: usize, change: Change) -> Outcome {
    let import = Import::configured(speed)?;
    let node = Node::open(&import.node())?;
    let pending = node.submit(endpoint, PACKET, pattern(count))?;
    answer(&import, &import.server.next()?, change)?;
    let text = match pending.wait() {
        Ok(ended) => describe(&ended),
        Err(error) => errno::of(&error),
    };
    Ok(format!("{text}, {}", liveness(&import, &node)))
}

/// Bytes that differ from those around them.
fn pattern(count: usize) -> Vec<u8> {
    (0..count * PACKET)
        .map(|at| u8::try_from(at % 251).unwrap_or_default())
        .collect()
}

/// Fills every packet with its number, then changes the reply.
fn answer(import: &Import, to: &Pdu, change: Change) -> io::Result<()> {
    let mut packets = to.packets.clone();
    for packet in &mut packets {
        packet.actual_length = packet.length;
        packet.status = 0;
    }
    let total = packets
        .iter()
        .map(|packet| packet.actual_length)
        .sum::<u32>();
    let mut ret = RetSubmit {
        seqnum: to.seqnum(),
        status: 0,
        actual_length: i32::try_from(total).unwrap_or(i32::MAX),
        start_frame: 0,
        packets: i32::try_from(packets.len()).unwrap_or(i32::MAX),
        error_count: 0,
    };
    change(&mut ret, &mut packets);
    let is_in = to.payload.is_empty();
    let mut data: Vec<u8> = packets
        .iter()
        .enumerate()
        .flat_map(|(index, packet)| {
            let number = u8::try_from(index % 250 + 1).unwrap_or_default();
            let length = usize::try_from(packet.actual_length.min(4096)).unwrap_or_default();
            vec![number; length]
        })
        .collect();
    data.resize(
        match is_in {
            true => usize::try_from(ret.actual_length).unwrap_or_default(),
            false => 0,
        },
        0xee,
    );
    import.server.send(&pdu::ret_iso(ret, &data, &packets))
}

/// How the transfer ended, and what is in each packet.
fn describe(ended: &Ended) -> String {
    let mut text = format!("{} errors={}", errno::status(ended.status), ended.errors);
    let mut offset = 0;
    let packets = ended.packets.iter().map(|packet| {
        let length = usize::try_from(packet.actual_length).unwrap_or(usize::MAX);
        let end = offset + length.min(ended.buffer.len() - offset);
        let data = &ended.buffer[offset..end];
        offset += PACKET;
        let status = errno::status(packet.status);
        let first = data.first().copied().unwrap_or_default();
        match data.iter().all(|byte| *byte == first) {
            true => format!("{length}x{first:02x}:{status}"),
            false => format!("{length}mixed:{status}"),
        }
    });
    let packets = packets.collect::<Vec<_>>().join(" ");
    match packets.len() {
        0..200 => text += &format!(" [{packets}]"),
        _ => text += &format!(" [{}]", pdu::summary(packets.as_bytes())),
    }
    text
}

/// Whether another transfer goes through. Otherwise what has become of the port.
fn liveness(import: &Import, node: &Node) -> String {
    let attempt = || -> io::Result<String> {
        let pending = node.submit(ISO_IN, PACKET, pattern(1))?;
        answer(import, &import.server.next()?, |_, _| ())?;
        Ok(describe(&pending.wait()?))
    };
    match attempt().as_deref() {
        Ok("0 errors=0 [64x01:0]") => "alive".to_owned(),
        _ => import.fate(),
    }
}

/// The server goes in the middle of the descriptors.
fn close() -> Outcome {
    let import = Import::configured(Speed::High)?;
    let node = Node::open(&import.node())?;
    let pending = node.submit(ISO_IN, PACKET, pattern(COUNT))?;
    let request = import.server.next()?;
    let ret = RetSubmit {
        seqnum: request.seqnum(),
        status: 0,
        actual_length: 4 * 64,
        start_frame: 0,
        packets: 4,
        error_count: 0,
    };
    import
        .server
        .send(&pdu::ret_iso(ret, &[7; 4 * 64], &request.packets[..2]))?;
    limit::settle();
    import.server.close()?;
    let text = match pending.wait() {
        Ok(ended) => describe(&ended),
        Err(error) => errno::of(&error),
    };
    Ok(format!("{text}, {}", import.fate()))
}
