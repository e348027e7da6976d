// SPDX-License-Identifier: GPL-2.0

//! Devices while a driver is asked to take them, and what such a driver keeps of them.
//!
//! A device holds a reference on its hub for as long as it is registered, and leads there for ever:
//! what is to use the hub later has to hold one of its own.

use super::Device;
use core::ops::Deref;
use kernel::{
    bindings,
    device,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};

/// A device that is registered, with its lock held.
///
/// # Invariants
///
/// As the name says, for as long as this is borrowed.
#[repr(transparent)]
pub struct Registered(Device);

impl Registered {
    /// # Safety
    ///
    /// `raw` is registered, and its lock held, for as long as `'a`.
    pub(super) unsafe fn from_raw<'a>(raw: *mut bindings::usb_device) -> &'a Self {
        // SAFETY: Transparent wrappers around a device, which is valid. INVARIANT: The caller promises
        // the rest.
        unsafe { &*raw.cast() }
    }

    /// Keeps the interface drivers of the kernel away from the device (`usb_hub_claim_port()`).
    ///
    /// Task context. Fails with `EBUSY` if somebody else has claimed the port, or `ENODEV` for a root
    /// hub.
    pub fn claim_port(&self) -> Result<PortClaim> {
        let raw = self.0.as_raw();
        // SAFETY: A registered device has a valid hub, or is one without.
        let hub = unsafe {
            let parent = (*raw).parent;
            if parent.is_null() {
                return Err(ENODEV);
            }
            ARef::from(Device::from_raw(parent))
        };
        // SAFETY: Both are valid; the owner is a mere cookie, compared and never followed.
        to_result(unsafe {
            bindings::usb_hub_claim_port(hub.as_raw(), u32::from((*raw).portnum), raw.cast())
        })?;
        // INVARIANT: Just claimed.
        Ok(PortClaim {
            device: (&self.0).into(),
            hub,
        })
    }

    /// The device, to be offered to other drivers some time.
    pub fn to_loan(&self) -> Loan {
        // SAFETY: A registered device has a valid parent, or none.
        let parent = unsafe {
            let parent = (*self.0.as_raw()).dev.parent;
            (!parent.is_null()).then(|| {
                let parent: &device::Device = device::Device::from_raw(parent);
                parent.into()
            })
        };
        // INVARIANT: Just looked up.
        Loan {
            device: (&self.0).into(),
            parent,
        }
    }
}

impl Deref for Registered {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}

/// A port that is claimed for the device in it. Dropping it releases the port.
///
/// Task context, device lock held.
///
/// # Invariants
///
/// The port of `hub` has been claimed with the device as the owner's cookie.
pub struct PortClaim {
    device: ARef<Device>,
    hub: ARef<Device>,
}

impl Drop for PortClaim {
    fn drop(&mut self) {
        let raw = self.device.as_raw();
        // `ENODEV` says that the hub has gone and taken the claim along.
        // SAFETY: We hold references on both; the owner is a mere cookie.
        let _ = unsafe {
            bindings::usb_hub_release_port(self.hub.as_raw(), u32::from((*raw).portnum), raw.cast())
        };
    }
}

/// A device that has been taken from the drivers of the system, and may be offered to them again.
///
/// # Invariants
///
/// `parent` is that of the device.
pub struct Loan {
    device: ARef<Device>,
    parent: Option<ARef<device::Device>>,
}

impl Loan {
    /// Offers the device to the drivers of the system (`device_attach()`). That no driver wants it,
    /// or that it is gone, is no failure.
    ///
    /// Task context, may sleep, no device lock held.
    pub fn find_driver(&self) -> Result {
        let parent = self
            .parent
            .as_ref()
            .map(|parent| crate::device::as_raw(parent));
        // SAFETY: We hold references on the device and its parent, whose lock the USB bus wants held.
        to_result(unsafe {
            if let Some(parent) = parent {
                bindings::mutex_lock(&raw mut (*parent).mutex);
            }
            let result = bindings::device_attach(&raw mut (*self.device.as_raw()).dev);
            if let Some(parent) = parent {
                bindings::mutex_unlock(&raw mut (*parent).mutex);
            }
            result.min(0)
        })
    }
}

impl Deref for Loan {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}
