// SPDX-License-Identifier: GPL-2.0

//! What a client asks usbipd for: the header, then the name of a device.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::within;
use usbip_protocol::op::{
    encode_import_request, BusIdText, OpError, OpHeader, OpStatus, Operation, BUSID_LEN,
    OP_HEADER_LEN, VERSION,
};
use usbip_sysfs::BusId;

fuzz_target!(|data: &[u8]| {
    let header = match within(0, || OpHeader::decode(data)) {
        Ok(header) => header,
        Err(error) => {
            assert_eq!(error, OpError::Truncated);
            return assert!(data.len() < OP_HEADER_LEN);
        }
    };
    let (bytes, rest) = data.split_at(OP_HEADER_LEN);
    assert_eq!(header.encode(), bytes);
    let is_good = header.version == VERSION && header.status == OpStatus::OK;
    assert_eq!(header.check_request().is_ok(), is_good);
    let operation = Operation::from_request_code(header.code);
    if let Some(operation) = operation {
        assert_eq!(operation.request_code(), header.code);
        // A request is never taken for its own reply.
        assert!(header.check_reply(operation).is_err());
    }
    if let Some(field) = rest.first_chunk() {
        check_name(field);
        let whole = encode_import_request(&BusIdText::new(field));
        let is_import = is_good && operation == Some(Operation::Import);
        if is_import && is_padded(field) {
            assert_eq!(whole[..], data[..whole.len()]);
        }
    }
});

fn check_name(field: &[u8; BUSID_LEN]) {
    let text = within(0, || BusIdText::new(field));
    let name = text.as_bytes();
    assert!(name.len() < BUSID_LEN && !name.contains(&0) && field.starts_with(name));
    assert_eq!(BusIdText::new(name), text);
    let busid = std::str::from_utf8(name).ok().map(str::parse::<BusId>);
    if let Some(Ok(busid)) = busid {
        assert_eq!(busid.to_wire(), text);
        // It becomes part of a path.
        assert!(!busid.as_str().contains('/') && busid.as_str() != "..");
    }
}

/// Whether there is a NUL, and nothing else behind it.
fn is_padded(field: &[u8; BUSID_LEN]) -> bool {
    let mut rest = field.iter().skip_while(|byte| **byte != 0).peekable();
    rest.peek().is_some() && rest.all(|byte| *byte == 0)
}
