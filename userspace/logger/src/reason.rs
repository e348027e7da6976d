// SPDX-License-Identifier: GPL-2.0

//! System error texts without Rust's decoration.

use std::fmt;
use std::io;

/// Displays a system error as `strerror` does: `No such file or directory`, no number.
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a>(pub &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let plain = match self.0.raw_os_error() {
            Some(number) => text
                .strip_suffix(&format!(" (os error {number})"))
                .unwrap_or(&text),
            None => &text,
        };
        f.write_str(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_removed() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(Reason(&missing).to_string(), "No such file or directory");
        let own = io::Error::other("own text");
        assert_eq!(Reason(&own).to_string(), "own text");
    }
}
