// SPDX-License-Identifier: GPL-2.0

//! Requests no honest client sends: whether they are answered, whether the connection goes on, and
//! whether the device can be imported again.

use crate::kind::Role;
use crate::peer::Peer;
use crate::report::{Outcome, Report};
use crate::stub::{Export, Local};
use std::io;
use usbip_protocol::{flags, CmdSubmit, Direction, IsoDescriptor, Request};

/// Makes a request out of an honest one.
type Change = fn(&mut CmdSubmit);

/// Requests for bytes that wait for the stick to say something.
const IN: &[(&str, Change)] = &[
    ("endpoint-missing", |cmd| cmd.ep = 5),
    ("endpoint-16", |cmd| cmd.ep = 16),
    ("endpoint-largest", |cmd| cmd.ep = u32::MAX),
    ("endpoint-of-other-direction", |cmd| cmd.ep = 2),
    ("length-negative", |cmd| cmd.length = 0xffff_ffff),
    ("length-most-negative", |cmd| cmd.length = 0x8000_0000),
    ("length-largest", |cmd| cmd.length = 0x7fff_ffff),
    ("length-5-mib", |cmd| cmd.length = 5 << 20),
    ("scatter-length-zero", |cmd| {
        cmd.length = 0;
        cmd.flags |= flags::DMA_MAP_SG;
    }),
    ("scatter-length-largest", |cmd| {
        cmd.length = 0x7fff_ffff;
        cmd.flags |= flags::DMA_MAP_SG;
    }),
    ("scatter-length-negative", |cmd| {
        cmd.length = 0xffff_ffff;
        cmd.flags |= flags::DMA_MAP_SG;
    }),
];

/// Control requests; the honest one asks for the device descriptor.
const CONTROL: &[(&str, Change)] = &[
    ("honest", |_| ()),
    ("flag-free-buffer", |cmd| cmd.flags |= flags::FREE_BUFFER),
    ("flag-dma-mapped", |cmd| {
        cmd.flags |= flags::NO_TRANSFER_DMA_MAP
    }),
    ("flag-scatter", |cmd| cmd.flags |= flags::DMA_MAP_SG),
    ("flag-zero-packet", |cmd| cmd.flags |= flags::ZERO_PACKET),
    ("flag-short-not-ok", |cmd| cmd.flags |= flags::SHORT_NOT_OK),
    ("flag-iso-asap", |cmd| cmd.flags |= flags::ISO_ASAP),
    ("flags-unknown", |cmd| cmd.flags |= 0xf000_0000),
    ("flags-none", |cmd| cmd.flags = 0),
    ("length-above-setup", |cmd| cmd.length = 64),
    ("length-below-setup", |cmd| cmd.length = 8),
    ("length-zero", |cmd| cmd.length = 0),
    ("packets-minus-one", |cmd| cmd.packets = -1),
    ("packets-five", |cmd| cmd.packets = 5),
    ("packets-too-many", |cmd| cmd.packets = 5000),
    ("interval-negative", |cmd| cmd.interval = -1),
    ("start-frame", |cmd| cmd.start_frame = 77),
];

/// Isochronous requests to the sound card: one packet of 192 bytes to its endpoint.
const ISO: &[(&str, Change)] = &[
    ("honest", |_| ()),
    ("packets-none", |cmd| cmd.packets = 0),
    ("packets-negative", |cmd| cmd.packets = -1),
    ("packets-too-many", |cmd| cmd.packets = 1025),
    ("interval-zero", |cmd| cmd.interval = 0),
    ("interval-negative", |cmd| cmd.interval = -1),
    ("scatter", |cmd| cmd.flags |= flags::DMA_MAP_SG),
];

/// Its packet; a single one that is not as the buffer.
const PACKETS: &[(&str, IsoDescriptor)] = &[
    ("offset-outside", packet(0x10_0000, 192, 0)),
    ("offset-largest", packet(u32::MAX, 192, 0)),
    ("length-outside", packet(0, 4096, 0)),
    ("length-largest", packet(0, u32::MAX, 0)),
    ("actual-length", packet(0, 192, 192)),
    ("actual-length-outside", packet(0, 192, 4096)),
];

const fn packet(offset: u32, length: u32, actual_length: u32) -> IsoDescriptor {
    IsoDescriptor {
        offset,
        length,
        actual_length,
        status: -18,
    }
}

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("hostile", &[Role::Host], |report| {
        report.side_by_side(checks);
        report.check("hostile.too-many-requests", || many(4200));
    });
}

fn checks(report: &mut Report) {
    for (name, change) in IN {
        report.check(&format!("hostile.in-{name}"), move || input(*change));
    }
    for (name, change) in CONTROL {
        report.check(&format!("hostile.control-{name}"), move || control(*change));
    }
    for (name, change) in ISO {
        report.check(&format!("hostile.iso-{name}"), move || {
            iso(*change, packet(0, 192, 0))
        });
    }
    for (name, packet) in PACKETS {
        report.check(&format!("hostile.iso-packet-{name}"), move || {
            iso(|_| (), *packet)
        });
    }
    report.check("hostile.out-endpoint-missing", || output(|cmd| cmd.ep = 5));
    report.check("hostile.out-endpoint-of-other-direction", || {
        output(|cmd| cmd.ep = 1)
    });
    report.check("hostile.direction-two", || direction(2));
    report.check("hostile.direction-largest", || direction(0xff));
    report.check("hostile.setup-direction", setup_direction);
    report.check("hostile.payload-cut-off", payload_cut_off);
    report.check("hostile.many-requests", || many(200));
    report.check("hostile.iso-refused-unlink", refused_unlink);
}

/// The stick with a configuration, and a client.
fn configured(device: Local, configuration: u8) -> io::Result<(Export, Peer)> {
    let export = device.export()?;
    let mut peer = Peer::connect(&export.device)?;
    peer.control([0, 9, configuration, 0, 0, 0, 0, 0])?;
    Ok((export, peer))
}

/// The answer, whether the connection goes on, and whether there can be another.
fn verdict(export: &Export, mut peer: Peer) -> Outcome {
    let answer = peer.answer();
    drop(peer);
    let available = export.device.wait_available();
    let status = export.device.status();
    Ok(format!("{answer}, available again: {available} {status}"))
}

fn input(change: Change) -> Outcome {
    let (export, mut peer) = configured(Local::stick()?, 1)?;
    let mut request = peer.request(Direction::In, 1, 512);
    change(&mut request);
    peer.submit(request, &[])?;
    verdict(&export, peer)
}

fn output(change: Change) -> Outcome {
    let (export, mut peer) = configured(Local::stick()?, 1)?;
    let mut request = peer.request(Direction::Out, 2, 512);
    change(&mut request);
    peer.submit(request, &[0x55; 512])?;
    verdict(&export, peer)
}

fn control(change: Change) -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut request = peer.control_request([0x80, 6, 0, 1, 0, 0, 18, 0]);
    change(&mut request);
    peer.submit(request, &[])?;
    verdict(&export, peer)
}

/// One packet to the sound card's endpoint, which the first alternate setting with one has.
fn iso(change: Change, packet: IsoDescriptor) -> Outcome {
    let (export, mut peer) = configured(Local::sound_card()?, 1)?;
    peer.control([1, 0x0b, 1, 0, 1, 0, 0, 0])?;
    let mut request = peer.request(Direction::Out, 1, 192);
    request.packets = 1;
    request.interval = 8;
    change(&mut request);
    let count = usize::try_from(request.packets).unwrap_or_default();
    peer.submit_packets(request, &[0; 192], &vec![packet; count])?;
    verdict(&export, peer)
}

fn direction(value: u8) -> Outcome {
    let (export, mut peer) = configured(Local::stick()?, 1)?;
    let request = peer.control_request([0x80, 6, 0, 1, 0, 0, 0, 0]);
    let mut header = Request::Submit(request).encode();
    header[15] = value;
    peer.send(&header)?;
    verdict(&export, peer)
}

/// A setup packet that says OUT in a request that says IN.
fn setup_direction() -> Outcome {
    let export = Local::stick()?.export()?;
    let mut peer = Peer::connect(&export.device)?;
    let mut request = peer.control_request([0x80, 6, 0, 1, 0, 0, 18, 0]);
    request.setup[0] = 0;
    peer.submit(request, &[])?;
    verdict(&export, peer)
}

fn payload_cut_off() -> Outcome {
    let (export, mut peer) = configured(Local::stick()?, 1)?;
    let request = peer.request(Direction::Out, 2, 512);
    peer.submit(request, &[0x55; 100])?;
    peer.close()?;
    Ok(format!(
        "available again: {}",
        export.device.wait_available()
    ))
}

/// More requests than a device needs at a time, none of which it answers; then the client goes.
fn many(count: u32) -> Outcome {
    let (export, mut peer) = configured(Local::keyboard()?, 1)?;
    // No reports but those of keys.
    peer.control([0x21, 0x0a, 0, 0, 0, 0, 0, 0])?;
    let mut sent = 0;
    for _ in 0..count {
        let mut request = peer.request(Direction::In, 1, 8);
        request.interval = 8;
        if peer.submit(request, &[]).is_err() {
            break;
        }
        sent += 1;
    }
    let answer = peer.answer();
    drop(peer);
    let available = export.device.wait_available();
    Ok(format!("{sent}, {answer}, available again: {available}"))
}

/// An isochronous request that is refused, and its cancellation: both are answered.
fn refused_unlink() -> Outcome {
    let (export, mut peer) = configured(Local::sound_card()?, 1)?;
    peer.control([1, 0x0b, 1, 0, 1, 0, 0, 0])?;
    let mut request = peer.request(Direction::Out, 1, 192);
    request.packets = 1;
    request.interval = 8;
    let victim = peer.submit_packets(request, &[0; 192], &[packet(0, 192, 4096)])?;
    let refused = peer.answer();
    peer.unlink(victim)?;
    let cancelled = peer.answer();
    drop(peer);
    let available = export.device.wait_available();
    Ok(format!(
        "{refused}, {cancelled}, available again: {available}"
    ))
}
