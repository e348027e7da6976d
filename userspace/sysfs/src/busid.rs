// SPDX-License-Identifier: GPL-2.0

//! Bus ids.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use usbip_protocol::op::{BusIdText, BUSID_LEN};

/// Name of a device on its bus, such as `1-2.4`: 1 to 31 bytes, safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BusId(String);

/// The text cannot be the name of any device.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a valid bus id")]
pub struct InvalidBusId;

impl BusId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it goes on the wire.
    pub fn to_wire(&self) -> BusIdText {
        BusIdText::new(self.0.as_bytes())
    }

    /// Bus number: the digits before `-`; `None` when the name is of another kind.
    pub fn busnum(&self) -> Option<u32> {
        let (busnum, _ports) = self.0.split_once('-')?;
        busnum.parse().ok()
    }
}

impl FromStr for BusId {
    type Err = InvalidBusId;

    fn from_str(text: &str) -> Result<Self, InvalidBusId> {
        let is_name = !matches!(text, "" | "." | "..") && text.len() < BUSID_LEN;
        if is_name && !text.contains(['/', '\0', '\n']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBusId)
        }
    }
}

impl fmt::Display for BusId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_bus_ids() {
        let longest = "1-".to_owned() + &"1".repeat(29);
        for good in [
            "1-1",
            "10-1.4.2",
            "usb1",
            "1-1:1.0",
            "usbip-vudc.0",
            &longest,
        ] {
            assert!(good.parse::<BusId>().is_ok(), "{good}");
        }
        let too_long = longest.clone() + "1";
        for bad in ["", ".", "..", "../1-1", "1-1\n", "1\0", &too_long] {
            assert_eq!(bad.parse::<BusId>(), Err(InvalidBusId), "{bad:?}");
        }
    }

    #[test]
    fn bus_number_is_not_cut_to_eight_bits() {
        let busnum = |text: &str| text.parse::<BusId>().unwrap().busnum();
        assert_eq!(busnum("300-1.2"), Some(300));
        assert_eq!(busnum("usb1"), None);
        assert_eq!(busnum("x-1"), None);
    }
}
