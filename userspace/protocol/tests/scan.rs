// SPDX-License-Identifier: GPL-2.0

//! The drivers' reader of numbers in what is written to their files, against the standard library.

#![allow(
    dead_code,
    clippy::as_conversions,
    clippy::unwrap_used,
    reason = "the drivers use more of it, and cast; tests may fail loudly"
)]

#[path = "../../../rust/usbip/scan.rs"]
mod scan;

use proptest::prelude::*;

proptest! {
    #[test]
    fn decimal_numbers_are_read(value: u32, blanks in "[ \t\n]{0,3}", rest in "([^0-9].*)?") {
        let text = format!("{blanks}{value}{rest}");
        let mut left = text.as_bytes();
        prop_assert_eq!(scan::unsigned(&mut left), Some(value));
        prop_assert_eq!(left, rest.as_bytes());
    }

    #[test]
    fn signed_numbers_are_read(value: i32, rest in "([^0-9].*)?") {
        let text = format!("{value}{rest}");
        let mut left = text.as_bytes();
        prop_assert_eq!(scan::signed(&mut left), Some(value));
        prop_assert_eq!(left, rest.as_bytes());
    }

    #[test]
    fn nothing_is_read_without_a_number(text in "[ \t]*([^0-9 \t\r\n\x0c-].*)?") {
        let mut left = text.as_bytes();
        prop_assert_eq!(scan::unsigned(&mut left), None);
        prop_assert_eq!(scan::signed(&mut left), None);
        prop_assert_eq!(left, text.as_bytes());
    }

    #[test]
    fn whole_numbers_are_read_as_by_the_standard_library(text in "[+-]?[0-9]{0,11}[ x]?\n?") {
        let line = text.strip_suffix('\n').unwrap_or(&text);
        prop_assert_eq!(scan::whole(text.as_bytes()), line.parse().ok());
    }

    #[test]
    fn hexadecimal_numbers_are_read(value: usize, prefix in "(0x|0X)?", rest in "([^0-9a-fA-FxX].*)?") {
        let text = format!("{prefix}{value:x}{rest}");
        prop_assert_eq!(scan::hexadecimal(text.as_bytes()), Some(value));
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let mut left = bytes.as_slice();
        while scan::signed(&mut left).is_some() {}
        prop_assert!(left.len() <= bytes.len());
        let _ = (scan::whole(&bytes), scan::hexadecimal(&bytes));
    }
}
