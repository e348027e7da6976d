// SPDX-License-Identifier: GPL-2.0

//! The table of bus ids the driver may bind to, behind `match_busid` and `rebind`.
//!
//! Its visible behaviour is C's: 16 slots, names compared byte for byte, a trailing newline is part
//! of the name. What differs: `del` takes a name out that no device is bound under, and a slot
//! whose device has gone does not keep it.

use kernel::{
    prelude::*,
    str::Formatter,
    sync::aref::ARef, //
};
use usbip::usb::Device;

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

/// What is known about a name in the table.
enum SlotState {
    /// May be bound.
    Added,
    /// Is bound.
    Bound(ARef<Device>),
    /// Has been taken out while bound; refused until it is rebound.
    Removed(ARef<Device>),
    /// Was bound, and its device may go back to another driver.
    Released(ARef<Device>),
}

struct Slot {
    name: BusId,
    state: SlotState,
}

/// The table.
#[derive(Default)]
pub(crate) struct BusIds {
    slots: [Option<Slot>; SLOTS],
}

impl BusIds {
    /// `add`. Fails with `ENOMEM` if all slots are taken.
    pub(crate) fn add(&mut self, name: BusId) -> Result {
        if self.find(name).is_some() {
            return Ok(());
        }
        let free = self.slots.iter_mut().find(|slot| slot.is_none());
        *free.ok_or(ENOMEM)? = Some(Slot {
            name,
            state: SlotState::Added,
        });
        Ok(())
    }

    /// `del`. Fails with `ENODEV` for an unknown name.
    pub(crate) fn del(&mut self, name: BusId) -> Result {
        let slot = self.find(name).ok_or(ENODEV)?;
        *slot = slot.take().and_then(|Slot { name, state }| match state {
            SlotState::Added => None,
            SlotState::Bound(device) | SlotState::Removed(device) | SlotState::Released(device) => {
                Some(Slot {
                    name,
                    state: SlotState::Removed(device),
                })
            }
        });
        Ok(())
    }

    /// Takes a name out for good (`rebind`). Returns the device that was last bound under it, to
    /// be offered to other drivers. Fails with `ENODEV` for an unknown name.
    pub(crate) fn release(&mut self, name: BusId) -> Result<Option<ARef<Device>>> {
        let slot = self.find(name).ok_or(ENODEV)?;
        Ok(slot.take().and_then(|slot| slot.state.into_device()))
    }

    /// Puts a name back whose device could not be offered to other drivers.
    pub(crate) fn restore(&mut self, name: BusId, device: ARef<Device>) {
        // Another name may have taken the slot in between; then this one stays out.
        if self.add(name).is_ok() {
            self.set_state(name, SlotState::Released(device));
        }
    }

    /// Takes any device out that has been bound.
    pub(crate) fn release_any(&mut self) -> Option<ARef<Device>> {
        self.slots
            .iter_mut()
            .find_map(|slot| slot.take()?.state.into_device())
    }

    /// Whether a device of this name may be bound.
    pub(crate) fn allows(&self, name: BusId) -> bool {
        self.slots.iter().flatten().any(|slot| {
            slot.name == name && matches!(slot.state, SlotState::Added | SlotState::Released(_))
        })
    }

    /// A device has been bound.
    pub(crate) fn bind(&mut self, name: BusId, device: ARef<Device>) {
        self.set_state(name, SlotState::Bound(device));
    }

    /// A device is bound no more. One that is gone from the bus cannot go back to another driver.
    pub(crate) fn unbind(&mut self, name: BusId, is_gone: bool) {
        let Some(slot) = self.find(name) else {
            return;
        };
        *slot = slot.take().and_then(|Slot { name, state }| {
            let state = match state {
                SlotState::Removed(_) if is_gone => return None,
                SlotState::Bound(_) if is_gone => SlotState::Added,
                SlotState::Bound(device) => SlotState::Released(device),
                state => state,
            };
            Some(Slot { name, state })
        });
    }

    /// Writes the names, each followed by a blank, and a newline.
    pub(crate) fn show(&self, out: &mut Formatter<'_>) -> kernel::fmt::Result {
        use kernel::fmt::Write;
        for slot in self.slots.iter().flatten() {
            for chunk in slot.name.as_bytes().utf8_chunks() {
                out.write_str(chunk.valid())?;
            }
            out.write_char(' ')?;
        }
        out.write_char('\n')
    }

    fn set_state(&mut self, name: BusId, state: SlotState) {
        if let Some(Some(slot)) = self.find(name) {
            slot.state = state;
        }
    }

    fn find(&mut self, name: BusId) -> Option<&mut Option<Slot>> {
        self.slots
            .iter_mut()
            .find(|slot| slot.as_ref().is_some_and(|slot| slot.name == name))
    }
}

impl SlotState {
    fn into_device(self) -> Option<ARef<Device>> {
        match self {
            Self::Added => None,
            Self::Bound(device) | Self::Removed(device) | Self::Released(device) => Some(device),
        }
    }
}
