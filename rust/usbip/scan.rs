// SPDX-License-Identifier: GPL-2.0

//! Numbers in what user space writes to sysfs, read the way C's `sscanf()` and `kstrtoint()` do.

/// Reads `%u`: blanks are skipped, signs refused, the low 32 bits kept, and what follows the number
/// stays in `text`. Nothing is read if there is no number.
pub fn unsigned(text: &mut &[u8]) -> Option<u32> {
    let rest = text.trim_ascii_start();
    let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(digits)?;
    let value = digits_value(digits, 10)?;
    *text = rest;
    Some(value as u32)
}

/// Reads `%d`: as [`unsigned`], with an optional minus sign.
pub fn signed(text: &mut &[u8]) -> Option<i32> {
    let rest = text.trim_ascii_start();
    let (negative, mut number) = match rest.strip_prefix(b"-") {
        Some(number) => (true, number),
        None => (false, rest),
    };
    if !number.first()?.is_ascii_digit() {
        return None;
    }
    let magnitude = as_signed(unsigned(&mut number)?);
    *text = number;
    Some(if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    })
}

/// Reads `%lx`: blanks are skipped, `0x` may come first.
pub fn hexadecimal(text: &[u8]) -> Option<usize> {
    let text = text.trim_ascii_start();
    let digits = text
        .strip_prefix(b"0x")
        .or_else(|| text.strip_prefix(b"0X"))
        .unwrap_or(text);
    let count = digits.iter().take_while(|c| c.is_ascii_hexdigit()).count();
    digits_value(digits.get(..count)?, 16).map(|value| value as usize)
}

/// Reads all of `text` as one decimal `int`, as `kstrtoint()`: an optional sign, digits, and at
/// most one newline.
pub fn whole(text: &[u8]) -> Option<i32> {
    // C strings end at a NUL.
    let text = text.split(|byte| *byte == 0).next()?;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (sign, digits) = match text.split_first()? {
        (b'-', digits) => (-1, digits),
        (b'+', digits) => (1, digits),
        _ => (1, text),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i32, |value, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        value.checked_mul(10)?.checked_add(sign * digit as i32)
    })
}

/// The signed number with the same bits.
pub const fn as_signed(bits: u32) -> i32 {
    i32::from_ne_bytes(bits.to_ne_bytes())
}

/// The unsigned number with the same bits.
pub const fn as_unsigned(value: i32) -> u32 {
    u32::from_ne_bytes(value.to_ne_bytes())
}

/// The value of `digits`, all ones if it does not fit; [`None`] without digits.
fn digits_value(digits: &[u8], radix: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        value
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))
    });
    Some(value.unwrap_or(u64::MAX))
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::prelude::kunit_tests(usbip_scan))]
mod tests {
    use super::*;

    /// The number, and how much of the text is left.
    fn read<T>(scan: fn(&mut &[u8]) -> Option<T>, text: &[u8]) -> (Option<T>, usize) {
        let mut rest = text;
        let value = scan(&mut rest);
        (value, rest.len())
    }

    #[test]
    fn unsigned_reads_as_sscanf() {
        assert_eq!(read(unsigned, b" 12 34"), (Some(12), 3));
        assert_eq!(read(unsigned, b"\n007x"), (Some(7), 1));
        assert_eq!(read(unsigned, b"4294967297"), (Some(1), 0));
        assert_eq!(read(unsigned, b"99999999999999999999"), (Some(u32::MAX), 0));
        assert_eq!(read(unsigned, b"-1"), (None, 2));
        assert_eq!(read(unsigned, b" +1"), (None, 3));
        assert_eq!(read(unsigned, b""), (None, 0));
    }

    #[test]
    fn signed_reads_as_sscanf() {
        assert_eq!(read(signed, b" -12 "), (Some(-12), 1));
        assert_eq!(read(signed, b"2147483648"), (Some(i32::MIN), 0));
        assert_eq!(read(signed, b"-2147483648"), (Some(i32::MIN), 0));
        assert_eq!(read(signed, b"--1"), (None, 3));
        assert_eq!(read(signed, b"- 1"), (None, 3));
    }

    #[test]
    fn hexadecimal_reads_as_sscanf() {
        assert_eq!(hexadecimal(b" 0xFfg"), Some(255));
        assert_eq!(hexadecimal(b"10\n"), Some(16));
        assert_eq!(hexadecimal(b"123456789abcdef01"), Some(usize::MAX));
        assert_eq!(hexadecimal(b"0x"), None);
        assert_eq!(hexadecimal(b"-1"), None);
    }

    #[test]
    fn whole_reads_as_kstrtoint() {
        assert_eq!(whole(b"-1\n"), Some(-1));
        assert_eq!(whole(b"+2147483647"), Some(i32::MAX));
        assert_eq!(whole(b"-2147483648"), Some(i32::MIN));
        assert_eq!(whole(b"7\0junk"), Some(7));
        for refused in [
            &b"2147483648"[..],
            b" 1",
            b"1 ",
            b"1\n\n",
            b"",
            b"-",
            b"0x1",
        ] {
            assert_eq!((refused, whole(refused)), (refused, None));
        }
    }

    #[test]
    fn signs_survive() {
        for value in [0, 1, -1, i32::MAX, i32::MIN] {
            assert_eq!(as_signed(as_unsigned(value)), value);
        }
    }
}
