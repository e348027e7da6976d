// SPDX-License-Identifier: GPL-2.0

//! A CMD_SUBMIT as the server reads it, and the RET_SUBMIT a client gets for it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::{header_of, within, word};
use usbip_protocol::{
    CmdSubmit, Direction, ProtocolError, Reply, Request, RetSubmit, MAX_ISO_PACKETS,
};

const EPROTO: i32 = -71;
const EINPROGRESS: i32 = -115;

fuzz_target!(|data: &[u8]| {
    let Some((header, rest)) = header_of(1, data) else {
        return;
    };
    let cmd = match within(0, || Request::decode(&header)) {
        Ok(Request::Submit(cmd)) => cmd,
        Ok(Request::Unlink(_)) => panic!("a CMD_SUBMIT was read as a CMD_UNLINK"),
        Err(ProtocolError::BadDirection(direction)) => {
            return assert!(direction > 1 && direction == word(&header, 3));
        }
        Err(ProtocolError::NegativeLength(length)) => return assert!(length < 0),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(Request::Submit(cmd).encode(), header);
    check_request(&cmd);
    let Some((header, _)) = header_of(3, rest) else {
        return;
    };
    match within(0, || Reply::decode(&header)) {
        Ok(Reply::Submit(ret)) => check_reply(&cmd, &ret),
        other => panic!("a RET_SUBMIT was read as {other:?}"),
    }
});

fn check_request(cmd: &CmdSubmit) {
    assert!(i32::try_from(cmd.length).is_ok());
    assert!(cmd.payload_len() == cmd.length || cmd.direction == Direction::In);
    assert!(cmd.payload_len() == 0 || cmd.direction == Direction::Out);
    match cmd.iso_packets() {
        Ok(count) => {
            assert!((1..=MAX_ISO_PACKETS).contains(&count));
            assert_eq!(i32::try_from(count), Ok(cmd.packets));
        }
        Err(error) => assert_eq!(error, ProtocolError::TooManyPackets(cmd.packets)),
    }
}

fn check_reply(cmd: &CmdSubmit, ret: &RetSubmit) {
    match ret.checked_length(cmd.length) {
        Ok(length) => {
            assert!(length <= cmd.length);
            assert_eq!(i32::try_from(length), Ok(ret.actual_length));
        }
        Err(error) => {
            assert_eq!(error, ProtocolError::BadActualLength(ret.actual_length));
            assert!(ret.actual_length < 0 || i64::from(ret.actual_length) > i64::from(cmd.length));
        }
    }
    let possible = (-4095..=0).contains(&ret.status) && ret.status != EINPROGRESS;
    let expected = if possible { ret.status } else { EPROTO };
    assert_eq!(ret.checked_status(), expected);
}
