// SPDX-License-Identifier: GPL-2.0

//! The packets of an isochronous transfer: lengths of buffer and reply, then descriptors.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::within;
use usbip_protocol::iso::{check_request, check_sum};
use usbip_protocol::{IsoDescriptor, ProtocolError, MAX_ISO_PACKETS};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((actual, rest)) = rest.split_first_chunk() else {
        return;
    };
    let (length, actual) = (u32::from_be_bytes(*length), u32::from_be_bytes(*actual));
    let packets = read(rest);
    let (request, sum) = within(0, || {
        (check_request(&packets, length), check_sum(&packets, actual))
    });

    let outside = packets
        .iter()
        .position(|packet| ends_behind(packet, length));
    let total: u128 = packets
        .iter()
        .map(|packet| u128::from(packet.actual_length))
        .sum();
    match request {
        Ok(()) => assert!(outside.is_none() && total == 0),
        Err(ProtocolError::PacketRange { index }) => assert_eq!(outside, Some(index)),
        Err(ProtocolError::PacketSum { packets, header: 0 }) => {
            assert!(outside.is_none() && u128::from(packets) == total && total > 0);
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(sum.is_ok(), total == u128::from(actual));
});

fn read(data: &[u8]) -> Vec<IsoDescriptor> {
    let mut packets = Vec::new();
    for bytes in data.chunks_exact(IsoDescriptor::LEN).take(MAX_ISO_PACKETS) {
        let bytes = bytes.try_into().expect("chunks are of that length");
        let packet = within(0, || IsoDescriptor::decode(bytes));
        assert_eq!(packet.encode(), *bytes);
        packets.push(packet);
    }
    packets
}

fn ends_behind(packet: &IsoDescriptor, length: u32) -> bool {
    u128::from(packet.offset) + u128::from(packet.length) > u128::from(length)
}
