// SPDX-License-Identifier: GPL-2.0

//! Vendor and product numbers.

use std::fmt;
use std::str::FromStr;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// `idVendor` and `idProduct` of a device, written `0781:5567`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
}

/// One product, or with `*` all products of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdPattern {
    vendor: u16,
    product: Option<u16>,
}

/// The text is no id.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not an id: write VENDOR:PRODUCT as lsusb shows it (0781:5567), or VENDOR:*")]
pub struct InvalidId(String);

impl IdPattern {
    /// Whether it stands for that device.
    pub fn matches(&self, id: DeviceId) -> bool {
        self.vendor == id.vendor && self.product.is_none_or(|product| product == id.product)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = IdPattern::deserialize(deserializer)?;
        let product = pattern.product;
        Ok(Self {
            vendor: pattern.vendor,
            product: product.ok_or_else(|| de::Error::custom("an id needs a product"))?,
        })
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.product {
            Some(product) => write!(f, "{:04x}:{product:04x}", self.vendor),
            None => write!(f, "{:04x}:*", self.vendor),
        }
    }
}

impl FromStr for IdPattern {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId(text.to_owned());
        let hex = |digits: &str| match digits.len() {
            1..=4 if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                u16::from_str_radix(digits, 16).map_err(|_| invalid())
            }
            _ => Err(invalid()),
        };
        let (vendor, product) = text.split_once(':').ok_or_else(invalid)?;
        Ok(Self {
            vendor: hex(vendor)?,
            product: match product {
                "*" => None,
                digits => Some(hex(digits)?),
            },
        })
    }
}

impl<'de> Deserialize<'de> for IdPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for IdPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STICK: DeviceId = DeviceId {
        vendor: 0x781,
        product: 0x5567,
    };

    #[test]
    fn spellings_of_lsusb() {
        let matches = |text: &str| text.parse::<IdPattern>().map(|id| id.matches(STICK));
        assert_eq!(matches("0781:5567"), Ok(true));
        assert_eq!(matches("781:5567"), Ok(true));
        assert_eq!(matches("0781:*"), Ok(true));
        assert_eq!(matches("0781:5568"), Ok(false));
        for wrong in [
            "",
            "0781",
            "0781:",
            "0x781:5567",
            "0781:556g",
            "00781:5567",
            "*:5567",
            "+1:2",
        ] {
            assert_eq!(matches(wrong), Err(InvalidId(wrong.to_owned())));
        }
        assert_eq!(STICK.to_string(), "0781:5567");
    }
}
