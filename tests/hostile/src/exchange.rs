// SPDX-License-Identifier: GPL-2.0

//! Valid requests to the devices a guest has.

use crate::mutation::Message;
use contract::peer::Peer;
use contract::stub::Local;
use fastrand::Rng;
use std::io;
use usbip_protocol::{flags, CmdSubmit, CmdUnlink, Direction, IsoDescriptor, Request};

/// The bytes of a sector.
const SECTOR: u32 = 512;
/// The bytes of an isochronous packet of the sound card.
const PACKET: u32 = 192;

/// What a client can import.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Bulk transfers of any size.
    Stick,
    /// Interrupt transfers that do not end by themselves.
    Keyboard,
    /// Isochronous transfers.
    SoundCard,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Stick, Self::Keyboard, Self::SoundCard];

    /// The lane's device of this kind.
    pub fn local(self) -> io::Result<Local> {
        match self {
            Self::Stick => Local::stick(),
            Self::Keyboard => Local::keyboard(),
            Self::SoundCard => Local::sound_card(),
        }
    }

    /// What has to be asked for before anything else works.
    pub fn preparation(self) -> &'static [[u8; 8]] {
        const CONFIGURE: [u8; 8] = [0, 9, 1, 0, 0, 0, 0, 0];
        match self {
            Self::Stick | Self::Keyboard => &[CONFIGURE],
            Self::SoundCard => &[CONFIGURE, [1, 0x0b, 1, 0, 1, 0, 0, 0]],
        }
    }

    /// Some requests an honest client might send one after the other.
    pub fn requests(self, rng: &mut Rng, peer: &mut Peer) -> Vec<Message> {
        let mut stream: Vec<Message> = Vec::new();
        for _ in 0..rng.usize(2..24) {
            match rng.u8(..8) {
                0..2 => stream.push(control(rng, peer)),
                2 => stream.extend(cancel(rng, peer, &stream)),
                _ => self.transfer(rng, peer, &mut stream),
            }
        }
        stream
    }

    fn transfer(self, rng: &mut Rng, peer: &mut Peer, stream: &mut Vec<Message>) {
        match self {
            Self::Stick => command(rng, peer, stream),
            Self::Keyboard => {
                let mut request = peer.request(Direction::In, 1, 8);
                request.interval = 8;
                stream.push(message(request, &[], &[]));
            }
            Self::SoundCard => stream.push(sound(rng, peer)),
        }
    }
}

/// A CMD_SUBMIT with its data and packets.
fn message(request: CmdSubmit, data: &[u8], packets: &[IsoDescriptor]) -> Message {
    let mut body = data.to_vec();
    body.extend(packets.iter().flat_map(IsoDescriptor::encode));
    Message {
        header: Request::Submit(request).encode(),
        body,
    }
}

/// A control request: descriptors, status, features, settings, strings, class requests, resets.
///
/// Not Bulk-Only Mass Storage Reset: QEMU's stick forgets the command it is at, and QEMU dies when that ends.
fn control(rng: &mut Rng, peer: &mut Peer) -> Message {
    const SETUPS: &[[u8; 8]] = &[
        [0x80, 6, 0, 1, 0, 0, 18, 0],
        [0x80, 6, 0, 2, 0, 0, 0xff, 0],
        [0x80, 6, 1, 3, 9, 4, 0xff, 0],
        [0x80, 6, 0, 15, 0, 0, 0xff, 0xff],
        [0x80, 0, 0, 0, 0, 0, 2, 0],
        [0x80, 8, 0, 0, 0, 0, 1, 0],
        [0x82, 0, 0, 0, 0x81, 0, 2, 0],
        [0x02, 1, 0, 0, 0x81, 0, 0, 0],
        [0x02, 3, 0, 0, 0x81, 0, 0, 0],
        [0x00, 9, 1, 0, 0, 0, 0, 0],
        [0x01, 0x0b, 0, 0, 0, 0, 0, 0],
        [0x01, 0x0b, 1, 0, 1, 0, 0, 0],
        [0xa1, 0xfe, 0, 0, 0, 0, 1, 0],
        [0x21, 9, 0, 2, 0, 0, 1, 0],
        [0x21, 0x0a, 0, 0, 0, 0, 0, 0],
        [0x23, 3, 4, 0, 1, 0, 0, 0],
    ];
    let request = peer.control_request(SETUPS[rng.usize(..SETUPS.len())]);
    let data = vec![0; usize::try_from(request.payload_len()).unwrap_or_default()];
    message(request, &data, &[])
}

/// The cancellation of a request of the stream, if there is one.
fn cancel(rng: &mut Rng, peer: &mut Peer, stream: &[Message]) -> Option<Message> {
    let victim = stream.get(rng.usize(..=stream.len()))?;
    let number = peer.request(Direction::In, 0, 0);
    let unlink = CmdUnlink {
        seqnum: number.seqnum,
        devid: number.devid,
        victim: u32::from_be_bytes(victim.header[4..8].try_into().ok()?),
    };
    Some(Message::bare(Request::Unlink(unlink).encode()))
}

/// A command to the stick: what is to be done, data, how it went (Bulk-Only Transport, 5).
fn command(rng: &mut Rng, peer: &mut Peer, stream: &mut Vec<Message>) {
    let sectors = [1, 2, 8, 64][rng.usize(..4)];
    let address = rng.u8(..);
    let count = u8::try_from(sectors).unwrap_or_default();
    let (direction, length, scsi) = match rng.u8(..4) {
        0 => (Direction::In, 36, [0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0]),
        1 => (Direction::In, 8, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        2 => {
            let scsi = [0x2a, 0, 0, 0, 0, address, 0, 0, count, 0];
            (Direction::Out, sectors * SECTOR, scsi)
        }
        _ => {
            let scsi = [0x28, 0, 0, 0, 0, address, 0, 0, count, 0];
            (Direction::In, sectors * SECTOR, scsi)
        }
    };
    let mut wrapper = b"USBC".to_vec();
    wrapper.extend(rng.u32(..).to_le_bytes());
    wrapper.extend(length.to_le_bytes());
    wrapper.push(if direction == Direction::In { 0x80 } else { 0 });
    wrapper.extend([0, 10]);
    wrapper.extend(scsi);
    wrapper.resize(31, 0);
    stream.push(message(peer.request(Direction::Out, 2, 31), &wrapper, &[]));
    let endpoint = if direction == Direction::In { 1 } else { 2 };
    let mut data = peer.request(direction, endpoint, length);
    if rng.bool() {
        data.flags |= flags::DMA_MAP_SG;
    }
    let bytes = vec![0x5a; usize::try_from(data.payload_len()).unwrap_or_default()];
    stream.push(message(data, &bytes, &[]));
    stream.push(message(peer.request(Direction::In, 1, 13), &[], &[]));
}

/// Some packets for the sound card.
fn sound(rng: &mut Rng, peer: &mut Peer) -> Message {
    let count = rng.u32(1..9);
    let (request, packets) = peer.playback(count, PACKET);
    let data = vec![0; usize::try_from(request.length).unwrap_or_default()];
    message(request, &data, &packets)
}
