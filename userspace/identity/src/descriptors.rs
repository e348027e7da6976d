// SPDX-License-Identifier: GPL-2.0

//! Descriptors: what a device tells of its interfaces although it has no active configuration.

/// `bDescriptorType` of an interface (USB 2.0, table 9-5).
const INTERFACE: u8 = 4;

/// Where `bAlternateSetting` and the three class codes are (USB 2.0, table 9-12).
const ALTERNATE_SETTING: usize = 3;
const CLASS: std::ops::Range<usize> = 5..8;

/// Class, subclass and protocol of each interface in a row of descriptors, as a device gives it for
/// a configuration and sysfs in `descriptors`. Ends at the first that makes no sense.
pub fn interface_classes(mut descriptors: &[u8]) -> Vec<[u8; 3]> {
    let mut classes = Vec::new();
    while let [length, kind, ..] = *descriptors {
        let length = usize::from(length);
        let Some((descriptor, rest)) = descriptors.split_at_checked(length.max(2)) else {
            break;
        };
        let class = descriptor.get(CLASS).map(<[u8; 3]>::try_from);
        if let (INTERFACE, Some(0), Some(Ok(class))) =
            (kind, descriptor.get(ALTERNATE_SETTING), class)
        {
            classes.push(class);
        }
        descriptors = rest;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_counted_once() {
        let configuration = [9, 2, 41, 0, 2, 1, 0, 0x80, 50];
        let storage = [9, 4, 0, 0, 2, 8, 6, 0x50, 0];
        let other_setting = [9, 4, 0, 1, 4, 8, 6, 0x62, 0];
        let endpoint = [7, 5, 0x81, 2, 0, 2, 0];
        let keyboard = [9, 4, 1, 0, 1, 3, 1, 1, 0];
        let parts: [&[u8]; 5] = [
            &configuration,
            &storage,
            &endpoint,
            &other_setting,
            &keyboard,
        ];
        let classes = interface_classes(&parts.concat());
        assert_eq!(classes, [[8, 6, 0x50], [3, 1, 1]]);
    }

    #[test]
    fn nonsense_ends_it() {
        let cut = [9, 4, 0, 0, 2, 8, 6];
        for bytes in [&[][..], &[9], &[0, 0, 0], &[255, 4, 0, 0], &cut] {
            assert!(interface_classes(bytes).is_empty(), "{bytes:?}");
        }
    }
}
