// SPDX-License-Identifier: GPL-2.0

//! Any 48 bytes as a header, from either end of a connection.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::{canonical, within, word};
use usbip_protocol::{ProtocolError, Reply, Request};

fuzz_target!(|data: &[u8]| {
    let Some(header) = data.first_chunk() else {
        return;
    };
    let (request, reply) = within(0, || (Request::decode(header), Reply::decode(header)));
    let command = word(header, 0);
    match request {
        Ok(request) => {
            assert_eq!(request.encode(), canonical(header));
            assert_eq!(Request::decode(&request.encode()), Ok(request));
            assert_eq!(request.devid(), word(header, 2));
        }
        Err(ProtocolError::UnknownCommand(unknown)) => {
            assert_eq!(unknown, command);
            assert!(!(1..=2).contains(&command));
        }
        Err(_) => assert_eq!(command, 1),
    }
    match reply {
        Ok(reply) => {
            assert_eq!(reply.encode(), canonical(header));
            assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
        }
        Err(error) => {
            assert_eq!(error, ProtocolError::UnknownCommand(command));
            assert!(!(3..=4).contains(&command));
        }
    }
});
