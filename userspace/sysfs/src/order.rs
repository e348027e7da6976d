// SPDX-License-Identifier: GPL-2.0

//! The order in which libudev enumerates devices.

use std::cmp::Ordering;

/// Compares two sysfs paths component by component, each as bytes (systemd `path_compare`).
///
/// Plain byte order differs where a name continues with a byte below `/`, such as `.` or `-`.
pub fn compare_paths(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_follow_their_parent() {
        let mut paths = [
            "/usb1/1-2",
            "/usb1/1-10",
            "/usb1/1-1.2/x",
            "/usb1/1-1/1-1.2",
            "/usb1/1-1",
        ];
        paths.sort_by(|a, b| compare_paths(a, b));
        assert_eq!(
            paths,
            [
                "/usb1/1-1",
                "/usb1/1-1/1-1.2",
                "/usb1/1-1.2/x",
                "/usb1/1-10",
                "/usb1/1-2"
            ]
        );
    }
}
