// SPDX-License-Identifier: GPL-2.0

//! The URB phase: whatever is sent is understood, and nothing is believed that does not add up.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

use proptest::prelude::*;
use usbip_protocol::iso::{check_request, check_sum};
use usbip_protocol::*;

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        submit().prop_map(Request::Submit),
        any::<[u32; 3]>().prop_map(|[seqnum, devid, victim]| {
            Request::Unlink(CmdUnlink {
                seqnum,
                devid,
                victim,
            })
        }),
    ]
}

prop_compose! {
    fn submit()(
        [seqnum, devid, ep, flags] in any::<[u32; 4]>(),
        is_in: bool,
        length in 0..=u32::try_from(i32::MAX).unwrap(),
        [start_frame, packets, interval] in any::<[i32; 3]>(),
        setup: [u8; 8],
    ) -> CmdSubmit {
        let direction = if is_in { Direction::In } else { Direction::Out };
        CmdSubmit { seqnum, devid, direction, ep, flags, length, start_frame, packets, interval, setup }
    }
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        ret_submit().prop_map(Reply::Submit),
        any::<(u32, i32)>()
            .prop_map(|(seqnum, status)| Reply::Unlink(RetUnlink { seqnum, status })),
    ]
}

prop_compose! {
    fn ret_submit()(
        seqnum: u32,
        [status, actual_length, start_frame, packets, error_count] in any::<[i32; 5]>(),
    ) -> RetSubmit {
        RetSubmit { seqnum, status, actual_length, start_frame, packets, error_count }
    }
}

prop_compose! {
    fn packet()(
        offset in prop_oneof![0..2048_u32, any::<u32>()],
        length in prop_oneof![0..2048_u32, any::<u32>()],
        actual_length in prop_oneof![Just(0), 0..2048_u32, any::<u32>()],
        status: i32,
    ) -> IsoDescriptor {
        IsoDescriptor { offset, length, actual_length, status }
    }
}

/// A header that begins with a command there is.
fn header() -> impl Strategy<Value = [u8; HEADER_LEN]> {
    (1..=4_u8, any::<[[u8; 16]; 3]>()).prop_map(|(command, parts)| {
        let mut bytes = [0; HEADER_LEN];
        bytes.copy_from_slice(&parts.concat());
        bytes[..4].copy_from_slice(&[0, 0, 0, command]);
        bytes
    })
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        prop_assert!(Reply::decode(&request.encode()).is_err());
    }

    #[test]
    fn replies_come_back(reply in reply()) {
        prop_assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
        prop_assert!(Request::decode(&reply.encode()).is_err());
    }

    #[test]
    fn submits_are_whole(bytes in header()) {
        if let Ok(Request::Submit(submit)) = Request::decode(&bytes) {
            prop_assert_eq!(Request::Submit(submit).encode(), bytes);
        }
    }

    #[test]
    fn what_is_understood_is_understood_again(bytes in header()) {
        if let Ok(request) = Request::decode(&bytes) {
            prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
        if let Ok(reply) = Reply::decode(&bytes) {
            prop_assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
        }
    }

    #[test]
    fn payloads_are_bounded(submit in submit()) {
        prop_assert!(i32::try_from(submit.payload_len()).is_ok());
        if let Ok(count) = submit.iso_packets() {
            prop_assert!((1..=MAX_ISO_PACKETS).contains(&count));
        }
    }

    #[test]
    fn replies_stay_inside_of_the_request(ret in ret_submit(), length: u32) {
        if let Ok(actual) = ret.checked_length(length) {
            prop_assert!(actual <= length);
            prop_assert_eq!(i32::try_from(actual), Ok(ret.actual_length));
        }
        let status = ret.checked_status();
        prop_assert!((-4095..=0).contains(&status) && status != -115);
    }

    #[test]
    fn packets_come_back(packet in packet()) {
        prop_assert_eq!(IsoDescriptor::decode(&packet.encode()), packet);
    }

    #[test]
    fn packets_that_are_accepted_fit(
        packets in prop::collection::vec(packet(), 0..8),
        length in prop_oneof![0..4096_u32, any::<u32>()],
    ) {
        let fit = |packet: &IsoDescriptor| {
            u64::from(packet.offset) + u64::from(packet.length) <= u64::from(length)
        };
        let untouched = packets.iter().all(|packet| packet.actual_length == 0);
        let accepted = check_request(&packets, length).is_ok();
        prop_assert_eq!(accepted, packets.iter().all(fit) && untouched);
    }

    #[test]
    fn sums_are_exact(packets in prop::collection::vec(packet(), 0..8), header: u32) {
        let sum: u64 = packets.iter().map(|packet| u64::from(packet.actual_length)).sum();
        prop_assert_eq!(check_sum(&packets, header).is_ok(), sum == u64::from(header));
        if let Ok(exact) = u32::try_from(sum) {
            prop_assert_eq!(check_sum(&packets, exact), Ok(()));
        }
    }
}
