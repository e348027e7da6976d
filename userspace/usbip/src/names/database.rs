// SPDX-License-Identifier: GPL-2.0

//! The `usb.ids` file (`libsrc/names.c:parse`).

use std::collections::hash_map::Entry;
use std::collections::HashMap;

use crate::report::fail;

/// Beginnings of lines that are of no interest and leave the section as it is.
const SKIPPED: [&[u8]; 9] = [
    b"#",
    b"PHYSDES ",
    b"PHY ",
    b"BIAS ",
    b"AT",
    b"HCC",
    b"HID ",
    b"R ",
    b"VT",
];

/// What an entry of the file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Vendor(u32),
    Product(u32, u32),
    Class(u32),
    SubClass(u32, u32),
    Protocol(u32, u32, u32),
}

/// The entry that indented lines belong to.
#[derive(Clone, Copy, Debug)]
enum Section {
    Start,
    Vendor(u32),
    Class(u32),
    SubClass(u32, u32),
    /// A list the tools have no use for (languages, HID usages).
    Ignored,
}

/// All names of a file.
#[derive(Debug)]
pub struct Database {
    names: HashMap<Key, Vec<u8>>,
    section: Section,
}

impl Database {
    /// Reads a file; lines that make no sense are told and passed over.
    pub fn parse(content: &[u8]) -> Self {
        let mut database = Self {
            names: HashMap::new(),
            section: Section::Start,
        };
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            database.parse_line(number, line.strip_suffix(b"\r").unwrap_or(line));
        }
        database
    }

    /// Name of a vendor.
    pub fn vendor(&self, vendor: u16) -> Option<&[u8]> {
        self.get(Key::Vendor(vendor.into()))
    }

    /// Name of a product.
    pub fn product(&self, vendor: u16, product: u16) -> Option<&[u8]> {
        self.get(Key::Product(vendor.into(), product.into()))
    }

    /// Name of a class.
    pub fn class(&self, class: u8) -> Option<&[u8]> {
        self.get(Key::Class(class.into()))
    }

    /// Name of a subclass.
    pub fn sub_class(&self, class: u8, sub_class: u8) -> Option<&[u8]> {
        self.get(Key::SubClass(class.into(), sub_class.into()))
    }

    /// Name of a protocol.
    pub fn protocol(&self, class: u8, sub_class: u8, protocol: u8) -> Option<&[u8]> {
        self.get(Key::Protocol(
            class.into(),
            sub_class.into(),
            protocol.into(),
        ))
    }

    fn get(&self, key: Key) -> Option<&[u8]> {
        self.names.get(&key).map(Vec::as_slice)
    }

    fn parse_line(&mut self, number: u32, line: &[u8]) {
        if line.is_empty() || SKIPPED.iter().any(|start| line.starts_with(start)) {
            return;
        }
        let starts_hex = |text: &[u8]| text.first().is_some_and(u8::is_ascii_hexdigit);
        if let Some(spec) = line.strip_prefix(b"C ") {
            self.top(number, "class", spec, Section::Class, Key::Class);
        } else if line.starts_with(b"L ") || line.starts_with(b"HUT ") {
            self.section = Section::Ignored;
        } else if starts_hex(line) {
            self.top(number, "vendor", line, Section::Vendor, Key::Vendor);
        } else if let Some(spec) = line.strip_prefix(b"\t\t").filter(|spec| starts_hex(spec)) {
            self.protocol_line(number, spec);
        } else if let Some(spec) = line.strip_prefix(b"\t").filter(|spec| starts_hex(spec)) {
            self.child(number, spec);
        } else {
            fail(format_args!("Unknown line at line {number}"));
        }
    }

    fn top(
        &mut self,
        number: u32,
        kind: &str,
        spec: &[u8],
        section: fn(u32) -> Section,
        key: fn(u32) -> Key,
    ) {
        match split(spec) {
            Some((id, name)) => {
                self.section = section(id);
                self.insert(number, kind, key(id), name);
            }
            None => {
                fail(format_args!("Invalid {kind} spec at line {number}"));
            }
        }
    }

    fn child(&mut self, number: u32, spec: &[u8]) {
        let Some((id, name)) = split(spec) else {
            fail(format_args!(
                "Invalid product/subclass spec at line {number}"
            ));
            return;
        };
        match self.section {
            Section::Vendor(vendor) => {
                self.insert(number, "product", Key::Product(vendor, id), name);
            }
            Section::Class(class) | Section::SubClass(class, _) => {
                self.section = Section::SubClass(class, id);
                self.insert(number, "subclass", Key::SubClass(class, id), name);
            }
            Section::Ignored => {}
            Section::Start => {
                let text = "Product/Subclass spec without prior Vendor/Class spec";
                fail(format_args!("{text} at line {number}"));
            }
        }
    }

    fn protocol_line(&mut self, number: u32, spec: &[u8]) {
        match (split(spec), self.section) {
            (None, _) => {
                fail(format_args!("Invalid protocol spec at line {number}"));
            }
            (Some((id, name)), Section::SubClass(class, sub_class)) => {
                let key = Key::Protocol(class, sub_class, id);
                self.insert(number, "protocol", key, name);
            }
            _ => {
                let text = "Protocol spec without prior Class and Subclass spec";
                fail(format_args!("{text} at line {number}"));
            }
        }
    }

    /// The first of several equal entries counts.
    fn insert(&mut self, number: u32, kind: &str, key: Key, name: &[u8]) {
        match self.names.entry(key) {
            Entry::Vacant(place) => {
                place.insert(name.to_owned());
            }
            Entry::Occupied(_) => {
                let id = key.to_string();
                let name = String::from_utf8_lossy(name);
                fail(format_args!(
                    "Duplicate {kind} spec at line {number} {kind} {id} {name}"
                ));
            }
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Vendor(id) | Self::Class(id) => write!(f, "{id:04x}"),
            Self::Product(vendor, id) => write!(f, "{vendor:04x}:{id:04x}"),
            Self::SubClass(class, id) => write!(f, "{class:02x}:{id:02x}"),
            Self::Protocol(class, sub, id) => write!(f, "{class:02x}:{sub:02x}:{id:02x}"),
        }
    }
}

/// Hexadecimal number, blanks, name.
fn split(spec: &[u8]) -> Option<(u32, &[u8])> {
    let spec = spec.trim_ascii_start();
    let digits = spec
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digits, name) = spec.split_at_checked(digits)?;
    let id = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let name = name.trim_ascii_start();
    (!name.is_empty()).then_some((id, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"# list\r\n0781  SanDisk Corp.\r\n\t5567  Cruzer Blade\n\nC 08  Mass Storage\n\
        \t06  SCSI\n\t\t50  Bulk-Only\n\t05  Floppy\n\t\t50  Other\nAT 0100  USB Undefined\n\
        HUT 01  Generic Desktop\n\t02  Mouse\nL 0001  Arabic\n\t01  Saudi Arabia\n";

    #[test]
    fn entries_are_found_under_their_parents() {
        let names = Database::parse(FILE);
        assert_eq!(names.vendor(0x781), Some(&b"SanDisk Corp."[..]));
        assert_eq!(names.product(0x781, 0x5567), Some(&b"Cruzer Blade"[..]));
        assert_eq!(names.class(8), Some(&b"Mass Storage"[..]));
        assert_eq!(names.sub_class(8, 5), Some(&b"Floppy"[..]));
        assert_eq!(names.protocol(8, 6, 0x50), Some(&b"Bulk-Only"[..]));
        assert_eq!(names.protocol(8, 5, 0x50), Some(&b"Other"[..]));
        assert_eq!(names.sub_class(8, 2), None);
    }

    #[test]
    fn first_entry_wins_and_nonsense_is_survived() {
        let names =
            Database::parse(b"\t01  orphan\n0001  first\n0001  second\n0002\nzz\n\t\t01  x\n");
        assert_eq!(names.vendor(1), Some(&b"first"[..]));
        assert_eq!(names.vendor(2), None);
    }
}
