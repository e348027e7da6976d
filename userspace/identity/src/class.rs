// SPDX-License-Identifier: GPL-2.0

//! Classes of devices and interfaces.

use std::fmt;
use std::str::FromStr;

use serde::{de, Deserialize, Deserializer};
use thiserror::Error;

/// Names of class codes (USB-IF, "Defined Class Codes").
const NAMES: [(&str, u8); 11] = [
    ("audio", 0x01),
    ("communication", 0x02),
    ("hid", 0x03),
    ("image", 0x06),
    ("printer", 0x07),
    ("storage", 0x08),
    ("smart-card", 0x0b),
    ("video", 0x0e),
    ("wireless", 0xe0),
    ("application", 0xfe),
    ("vendor", 0xff),
];

/// A class, or with further codes a subclass and a protocol of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPattern(Vec<u8>);

/// The text is no class.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "'{text}' is not a class: write its code (08, 08/06 or 08/06/50) or its name ({names})",
    names = NAMES.map(|(name, _)| name).join(", ")
)]
pub struct InvalidClass {
    text: String,
}

impl ClassPattern {
    /// Whether class, subclass and protocol of a device or interface fit.
    pub fn matches(&self, class: [u8; 3]) -> bool {
        class.starts_with(&self.0)
    }
}

impl fmt::Display for ClassPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.0.iter().map(|code| format!("{code:02x}")).collect();
        f.write_str(&codes.join("/"))
    }
}

impl FromStr for ClassPattern {
    type Err = InvalidClass;

    fn from_str(text: &str) -> Result<Self, InvalidClass> {
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(Self(vec![*code]));
        }
        let hex = |digits: &str| match digits.len() {
            2 => u8::from_str_radix(digits, 16).ok(),
            _ => None,
        };
        let codes: Option<Vec<u8>> = text.split('/').map(hex).collect();
        match codes {
            Some(codes) if codes.len() <= 3 => Ok(Self(codes)),
            _ => Err(InvalidClass {
                text: text.to_owned(),
            }),
        }
    }
}

impl<'de> Deserialize<'de> for ClassPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        let matches = |text: &str| {
            text.parse::<ClassPattern>()
                .map(|class| class.matches([8, 6, 0x50]))
        };
        for fits in ["08", "08/06", "08/06/50", "storage"] {
            assert_eq!(matches(fits), Ok(true), "{fits}");
        }
        for other in ["03", "08/05", "08/06/62", "hid"] {
            assert_eq!(matches(other), Ok(false), "{other}");
        }
        for wrong in ["", "8", "08/", "08/06/50/00", "disk", "0x08"] {
            assert!(matches(wrong).is_err(), "{wrong}");
        }
    }
}
