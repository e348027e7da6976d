// SPDX-License-Identifier: GPL-2.0

//! Numbers in what is written to the drivers' files: the drivers' own reader of them.

#![no_main]
#![allow(dead_code, reason = "the drivers use more of it")]

#[path = "../../../rust/usbip/scan.rs"]
mod scan;

use libfuzzer_sys::fuzz_target;
use usbip_fuzz::within;

fuzz_target!(|data: &[u8]| {
    within(0, || {
        check_unsigned(data);
        check_signed(data);
        check_whole(data);
        check_hexadecimal(data);
    });
});

/// What is read is a beginning of the text; what is left is its end.
fn check_unsigned(data: &[u8]) {
    let mut rest = data;
    match scan::unsigned(&mut rest) {
        Some(_) => {
            let read = &data[..data.len() - rest.len()];
            assert!(read.last().is_some_and(u8::is_ascii_digit));
            assert!(!rest.first().is_some_and(u8::is_ascii_digit));
            assert_eq!(&data[read.len()..], rest);
        }
        None => assert_eq!(rest, data),
    }
}

/// Without a sign both read the same.
fn check_signed(data: &[u8]) {
    let (mut signed, mut unsigned) = (data, data);
    let value = scan::signed(&mut signed);
    if let Some(number) = scan::unsigned(&mut unsigned) {
        assert_eq!(value.map(scan::as_unsigned), Some(number));
        assert_eq!(signed, unsigned);
    } else if value.is_some() {
        assert!(data.trim_ascii_start().starts_with(b"-"));
    }
}

/// The standard library reads the same, but for what ends a C string.
fn check_whole(data: &[u8]) {
    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let expected = std::str::from_utf8(text).ok().map(str::parse::<i32>);
    assert_eq!(scan::whole(data), expected.and_then(Result::ok));
}

fn check_hexadecimal(data: &[u8]) {
    let text = data.trim_ascii_start();
    let digits = text
        .strip_prefix(b"0x")
        .or_else(|| text.strip_prefix(b"0X"))
        .unwrap_or(text);
    let count = digits.iter().take_while(|c| c.is_ascii_hexdigit()).count();
    let digits = std::str::from_utf8(&digits[..count]).unwrap_or_default();
    let expected = match digits {
        "" => None,
        digits => Some(usize::from_str_radix(digits, 16).unwrap_or(usize::MAX)),
    };
    assert_eq!(scan::hexadecimal(data), expected);
}
