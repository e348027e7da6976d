// SPDX-License-Identifier: GPL-2.0

//! The table of bus ids the driver may bind to, behind `match_busid` and `rebind`.
//!
//! Its visible behaviour is C's: 16 slots, names compared byte for byte, a trailing newline is part
//! of the name. What differs: `del` takes a name out that no device is bound under, and a slot
//! does not keep a device that has gone from the bus.

use kernel::{
    prelude::*,
    str::Formatter, //
};
use usbip::usb::{
    registered::Loan,
    Device, //
};

/// Slots in the table.
const SLOTS: usize = 16;
/// The longest name (`BUSID_SIZE` less the NUL).
const MAX_NAME: usize = 31;

/// The name of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BusId {
    bytes: [u8; MAX_NAME],
    length: usize,
}

impl BusId {
    /// Fails with `EINVAL` for more than 31 bytes. A NUL ends the name, as in C.
    pub(crate) fn new(name: &[u8]) -> Result<Self> {
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut bytes = [0; MAX_NAME];
        bytes
            .get_mut(..name.len())
            .ok_or(EINVAL)?
            .copy_from_slice(name);
        Ok(Self {
            bytes,
            length: name.len(),
        })
    }

    /// The name of a device.
    pub(crate) fn of(device: &Device) -> Result<Self> {
        Self::new(device.device().name().to_bytes())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The device last bound under a name.
enum Occupant {
    /// None, or it is gone from the bus.
    None,
    /// It is bound.
    Bound(Loan),
    /// It is bound no more, and may go back to another driver.
    Released(Loan),
}

struct Slot {
    name: BusId,
    /// Whether a device of this name may be bound. A slot that may not only waits for `rebind`.
    allowed: bool,
    occupant: Occupant,
}

/// The table.
#[derive(Default)]
pub(crate) struct BusIds {
    slots: [Option<Slot>; SLOTS],
}

impl BusIds {
    /// `add`. Fails with `ENOMEM` if all slots are taken.
    pub(crate) fn add(&mut self, name: BusId) -> Result {
        if let Some(Some(slot)) = self.find(name) {
            slot.allowed = true;
            return Ok(());
        }
        let free = self.slots.iter_mut().find(|slot| slot.is_none());
        *free.ok_or(ENOMEM)? = Some(Slot {
            name,
            allowed: true,
            occupant: Occupant::None,
        });
        Ok(())
    }

    /// `del`. A name under which a device was bound stays until it is rebound, so that `rebind`
    /// finds the device. Fails with `ENODEV` for an unknown name.
    pub(crate) fn del(&mut self, name: BusId) -> Result {
        let slot = self.find(name).ok_or(ENODEV)?;
        slot.take_if(|slot| {
            slot.allowed = false;
            matches!(slot.occupant, Occupant::None)
        });
        Ok(())
    }

    /// Takes a name out for good (`rebind`). Returns the device that was last bound under it, to
    /// be offered to other drivers. Fails with `ENODEV` for an unknown name.
    pub(crate) fn release(&mut self, name: BusId) -> Result<Option<Loan>> {
        let slot = self.find(name).ok_or(ENODEV)?;
        Ok(slot.take().and_then(|slot| slot.occupant.into_device()))
    }

    /// Puts a name back whose device could not be offered to other drivers.
    pub(crate) fn restore(&mut self, name: BusId, device: Loan) {
        // Another name may have taken the slot in between; then this one stays out.
        if self.add(name).is_ok() {
            self.set_occupant(name, Occupant::Released(device));
        }
    }

    /// Takes any device out that has been bound.
    pub(crate) fn release_any(&mut self) -> Option<Loan> {
        self.slots
            .iter_mut()
            .find_map(|slot| slot.take()?.occupant.into_device())
    }

    /// Whether a device of this name may be bound.
    pub(crate) fn allows(&self, name: BusId) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| {
            slot.name == name && slot.allowed && !matches!(slot.occupant, Occupant::Bound(_))
        })
    }

    /// A device has been bound.
    pub(crate) fn bind(&mut self, name: BusId, device: Loan) {
        self.set_occupant(name, Occupant::Bound(device));
    }

    /// A device is bound no more. One that is gone from the bus cannot go back to another driver.
    pub(crate) fn unbind(&mut self, name: BusId, is_gone: bool) {
        let Some(slot) = self.find(name) else {
            return;
        };
        if let Some(slot) = slot {
            slot.occupant = match core::mem::replace(&mut slot.occupant, Occupant::None) {
                Occupant::Bound(device) if !is_gone => Occupant::Released(device),
                Occupant::Bound(_) => Occupant::None,
                occupant => occupant,
            };
        }
        slot.take_if(|slot| !slot.allowed && matches!(slot.occupant, Occupant::None));
    }

    /// Writes the names, each followed by a blank, and a newline.
    pub(crate) fn show(&mut self, out: &mut Formatter<'_>) -> kernel::fmt::Result {
        use kernel::fmt::Write;
        self.forget_gone();
        for slot in self.slots.iter().flatten() {
            for chunk in slot.name.as_bytes().utf8_chunks() {
                out.write_str(chunk.valid())?;
            }
            out.write_char(' ')?;
        }
        out.write_char('\n')
    }

    fn set_occupant(&mut self, name: BusId, occupant: Occupant) {
        if let Some(Some(slot)) = self.find(name) {
            slot.occupant = occupant;
        }
    }

    /// Lets go of devices that have gone since they were released, and of the names that only waited
    /// for their rebinding.
    fn forget_gone(&mut self) {
        for slot in &mut self.slots {
            slot.take_if(|slot| {
                let is_gone =
                    matches!(&slot.occupant, Occupant::Released(device) if device.is_disconnected());
                if is_gone {
                    slot.occupant = Occupant::None;
                }
                is_gone && !slot.allowed
            });
        }
    }

    fn find(&mut self, name: BusId) -> Option<&mut Option<Slot>> {
        self.forget_gone();
        self.slots
            .iter_mut()
            .find(|slot| slot.as_ref().is_some_and(|slot| slot.name == name))
    }
}

impl Occupant {
    fn into_device(self) -> Option<Loan> {
        match self {
            Self::None => None,
            Self::Bound(device) | Self::Released(device) => Some(device),
        }
    }
}

#[kunit_tests(usbip_host_busid)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_length() {
        assert!(BusId::new(&[b'1'; MAX_NAME]).is_ok());
        assert!(matches!(BusId::new(&[b'1'; MAX_NAME + 1]), Err(EINVAL)));
        assert_eq!(BusId::new(b"1-1\0junk").map(|name| name.length), Ok(3));
    }

    #[test]
    fn names_are_compared_byte_for_byte() -> Result {
        assert!(BusId::new(b"1-1")? == BusId::new(b"1-1\0")?);
        assert!(BusId::new(b"1-1")? != BusId::new(b"1-1\n")?);
        assert!(BusId::new(b"1-1")? != BusId::new(b"1-11")?);
        Ok(())
    }

    #[test]
    fn names_are_allowed_until_deleted() -> Result {
        let (mut table, name) = (BusIds::default(), BusId::new(b"1-1")?);
        assert!(!table.allows(name));
        table.add(name)?;
        table.add(name)?;
        assert!(table.allows(name));
        table.del(name)?;
        assert!(!table.allows(name));
        assert_eq!(table.del(name), Err(ENODEV));
        assert!(matches!(table.release(name), Err(ENODEV)));
        Ok(())
    }

    #[test]
    fn slots_are_bounded() -> Result {
        let mut table = BusIds::default();
        for index in 0..SLOTS as u8 {
            table.add(BusId::new(&[b'a' + index])?)?;
        }
        let late = BusId::new(b"late")?;
        assert_eq!(table.add(late), Err(ENOMEM));
        table.del(BusId::new(b"c")?)?;
        table.add(late)?;
        assert!(table.allows(late));
        assert!(table.release_any().is_none());
        Ok(())
    }
}
