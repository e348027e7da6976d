// SPDX-License-Identifier: GPL-2.0

//! Device ids.

use std::fmt;

/// Number a server knows a device by: bus number in the upper 16 bits, device number in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevId(u32);

impl DevId {
    /// Joins bus and device number; `None` when either needs more than 16 bits.
    pub fn new(busnum: u32, devnum: u32) -> Option<Self> {
        let busnum = u32::from(u16::try_from(busnum).ok()?);
        let devnum = u32::from(u16::try_from(devnum).ok()?);
        Some(Self((busnum << 16) | devnum))
    }

    /// The id as the kernel prints and takes it.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Bus number on the server.
    pub const fn busnum(self) -> u32 {
        self.0 >> 16
    }

    /// Device number on that bus.
    pub const fn devnum(self) -> u32 {
        self.0 & 0xffff
    }
}

impl fmt::Display for DevId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_come_back() {
        let devid = DevId::new(300, 127).unwrap();
        assert_eq!((devid.busnum(), devid.devnum()), (300, 127));
        assert_eq!(devid.to_string(), "19660927");
        assert_eq!(DevId::new(0x1_0000, 1), None);
        assert_eq!(DevId::new(1, 0x1_0000), None);
    }
}
