// SPDX-License-Identifier: GPL-2.0

//! Names of vendors, products and classes.

mod database;

use std::cell::OnceCell;
use std::fs::{self, File};
use std::path::PathBuf;

use database::Database;
use usbip_protocol::op::UsbClass;

use crate::report::fail;

/// Where distributions keep `usb.ids`. The first is the one C looks for, and names, on Debian.
const PLACES: [&str; 3] = [
    "/usr/share/misc/usb.ids",
    "/usr/share/hwdata/usb.ids",
    "/var/lib/usbutils/usb.ids",
];

/// Longest text C shows for remote and attached devices: its buffer without the NUL, in bytes.
pub const REMOTE_TEXT_LEN: usize = 99;

/// The same for local devices.
pub const LOCAL_TEXT_LEN: usize = 127;

/// The names, read when the first one is asked for.
#[derive(Debug)]
pub struct Names {
    places: Vec<PathBuf>,
    database: OnceCell<Database>,
}

impl Names {
    /// Names from `place`, or from where distributions keep them.
    pub fn new(place: Option<PathBuf>) -> Self {
        Self {
            places: place.map_or_else(|| PLACES.map(PathBuf::from).into(), |place| vec![place]),
            database: OnceCell::new(),
        }
    }

    /// Tells when there is no list of names, as C does before anything else. Nothing is read yet.
    pub fn announce(&self) {
        let first = self.places.first();
        if let (false, Some(first)) = (
            self.places.iter().any(|place| File::open(place).is_ok()),
            first,
        ) {
            fail(format_args!("failed to open {}", first.display()));
        }
    }

    /// Name of a vendor.
    pub fn vendor(&self, vendor: u16) -> Option<String> {
        self.database().vendor(vendor).map(text)
    }

    /// Name of a product, without that of its vendor.
    pub fn product_name(&self, vendor: u16, product: u16) -> Option<String> {
        self.database().product(vendor, product).map(text)
    }

    /// `<vendor> : <product> (vvvv:pppp)`, cut to `limit` bytes.
    pub fn product(&self, vendor: u16, product: u16, limit: usize) -> Vec<u8> {
        let names = self.database();
        let vendor_name = names.vendor(vendor).unwrap_or(b"unknown vendor");
        let product_name = names.product(vendor, product).unwrap_or(b"unknown product");
        let numbers = format!(" ({vendor:04x}:{product:04x})");
        join(
            &[vendor_name, b" : ", product_name, numbers.as_bytes()],
            limit,
        )
    }

    /// `<class> / <subclass> / <protocol> (cc/ss/pp)`, cut to `limit` bytes.
    pub fn class(&self, class: UsbClass, limit: usize) -> Vec<u8> {
        let UsbClass([code, sub_code, protocol_code]) = class;
        let numbers = format!(" ({code:02x}/{sub_code:02x}/{protocol_code:02x})");
        if class == UsbClass::default() {
            return join(
                &[b"(Defined at Interface level)", numbers.as_bytes()],
                limit,
            );
        }
        let names = self.database();
        let class = names.class(code).unwrap_or(b"unknown class");
        let sub_class = names
            .sub_class(code, sub_code)
            .unwrap_or(b"unknown subclass");
        let protocol = names
            .protocol(code, sub_code, protocol_code)
            .unwrap_or(b"unknown protocol");
        let parts = [
            class,
            b" / ",
            sub_class,
            b" / ",
            protocol,
            numbers.as_bytes(),
        ];
        join(&parts, limit)
    }

    fn database(&self) -> &Database {
        self.database.get_or_init(|| {
            let content = self.places.iter().find_map(|place| fs::read(place).ok());
            Database::parse(&content.unwrap_or_default())
        })
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn join(parts: &[&[u8]], limit: usize) -> Vec<u8> {
    let mut text = parts.concat();
    text.truncate(limit);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_and_cut() {
        let names = Names::new(Some("/nonexistent/usb.ids".into()));
        let product = names.product(0x781, 0x5567, REMOTE_TEXT_LEN);
        assert_eq!(product, b"unknown vendor : unknown product (0781:5567)");
        assert_eq!(names.product(0x781, 0x5567, 7), b"unknown");
        let class = names.class(UsbClass([8, 6, 0x50]), REMOTE_TEXT_LEN);
        let expected: &[u8] = b"unknown class / unknown subclass / unknown protocol (08/06/50)";
        assert_eq!(class, expected);
        let interface_level = names.class(UsbClass::default(), REMOTE_TEXT_LEN);
        assert_eq!(interface_level, b"(Defined at Interface level) (00/00/00)");
    }
}
