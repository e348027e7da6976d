// SPDX-License-Identifier: GPL-2.0

//! A CMD_UNLINK, and the RET_UNLINK for it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::{canonical, header_of, within, word};
use usbip_protocol::{Reply, Request};

fuzz_target!(|data: &[u8]| {
    let Some((header, rest)) = header_of(2, data) else {
        return;
    };
    match within(0, || Request::decode(&header)) {
        Ok(Request::Unlink(cmd)) => {
            let words = [1, 2, 5].map(|index| word(&header, index));
            assert_eq!([cmd.seqnum, cmd.devid, cmd.victim], words);
            assert_eq!(Request::Unlink(cmd).encode(), canonical(&header));
        }
        other => panic!("a CMD_UNLINK was read as {other:?}"),
    }
    let Some((header, _)) = header_of(4, rest) else {
        return;
    };
    match within(0, || Reply::decode(&header)) {
        Ok(Reply::Unlink(ret)) => {
            assert_eq!(ret.seqnum, word(&header, 1));
            assert_eq!(ret.status.to_be_bytes(), word(&header, 5).to_be_bytes());
            assert_eq!(Reply::Unlink(ret).encode(), canonical(&header));
        }
        other => panic!("a RET_UNLINK was read as {other:?}"),
    }
});
