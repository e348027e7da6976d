// SPDX-License-Identifier: GPL-2.0

//! USB devices.

use super::endpoint::{
    Endpoint,
    EndpointKind, //
};
use crate::protocol::Direction;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};

unsafe extern "C" {
    // `rust/helpers.c`
    fn usbip_keep_awake(dev: *mut c_void);
}

/// How long to sleep between two tries for a device lock, in milliseconds.
const LOCK_RETRY_MS: u32 = 2;

/// A `struct usb_device`.
///
/// # Invariants
///
/// Instances are valid, registered or not, and reference-counted.
#[repr(transparent)]
pub struct Device(Opaque<bindings::usb_device>);

// SAFETY: `usb_get_dev()` and `usb_put_dev()` count references.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: The device is valid by the type invariants.
        unsafe { bindings::usb_get_dev(self.as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller promises that there is a reference to give up.
        unsafe { bindings::usb_put_dev(obj.as_ptr().cast()) };
    }
}

// SAFETY: References may be given up from any thread.
unsafe impl Send for Device {}
// SAFETY: The methods either read what does not change or take the locks of usbcore.
unsafe impl Sync for Device {}

impl Device {
    /// # Safety
    ///
    /// `raw` is valid for as long as `'a`.
    pub(crate) unsafe fn from_raw<'a>(raw: *mut bindings::usb_device) -> &'a Self {
        // SAFETY: `Device` is a transparent wrapper; the caller promises the rest.
        unsafe { &*raw.cast() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::usb_device {
        self.0.get()
    }

    /// The generic device.
    pub fn device(&self) -> &kernel::device::Device {
        // SAFETY: `dev` is part of the device, which is valid by the type invariants.
        unsafe { kernel::device::Device::from_raw(&raw mut (*self.as_raw()).dev) }
    }

    /// The number of the bus.
    pub fn busnum(&self) -> u32 {
        // SAFETY: A device keeps its bus, and the bus its number.
        unsafe { (*(*self.as_raw()).bus).busnum }.unsigned_abs()
    }

    /// The address on the bus, 0 for a device without one.
    pub fn devnum(&self) -> u32 {
        // SAFETY: Valid by the type invariants. A racing change is a change of a plain integer.
        unsafe { (&raw const (*self.as_raw()).devnum).read_volatile() }.unsigned_abs()
    }

    /// Whether this is a hub.
    pub fn is_hub(&self) -> bool {
        // SAFETY: The descriptor is read once, before any driver sees the device.
        u32::from(unsafe { (*self.as_raw()).descriptor.bDeviceClass }) == bindings::USB_CLASS_HUB
    }

    /// Whether the device has been taken off the bus.
    pub fn is_disconnected(&self) -> bool {
        // SAFETY: Valid by the type invariants. A racing change is a change of a plain integer.
        let state = unsafe { (&raw const (*self.as_raw()).state).read_volatile() };
        state == bindings::usb_device_state_USB_STATE_NOTATTACHED
    }

    /// Whether the host controller takes scatter lists.
    pub fn takes_scatter_lists(&self) -> bool {
        // SAFETY: A device keeps its bus; the table size is set when the bus is made.
        unsafe { (*(*self.as_raw()).bus).sg_tablesize != 0 }
    }

    /// Keeps the PM core from suspending the device along with the system: it is gone by then, or
    /// the system does not suspend (`dev_pm_syscore_device()`).
    pub fn exempt_from_system_sleep(&self) {
        // SAFETY: Valid by the type invariants. The bit is written here only, and shares its word with
        // others that are left alone until the device is registered, which is after the first time.
        #[cfg(CONFIG_PM_SLEEP)]
        unsafe {
            if !(*self.as_raw()).dev.power.syscore() {
                (*self.as_raw()).dev.power.set_syscore(true);
            }
        };
    }

    /// Keeps the device from being suspended while the system runs, for as long as it exists. An
    /// imported device would not wake up again: its wake-up signal ends at the server, which never
    /// learns of the suspend. Any context.
    pub fn keep_awake(&self) {
        // SAFETY: Valid by the type invariants; only counts a user.
        unsafe { usbip_keep_awake((&raw mut (*self.as_raw()).dev).cast()) };
    }

    /// The endpoint `number` in `direction`, if the current configuration has it.
    pub fn endpoint(&self, number: u32, direction: Direction) -> Option<Endpoint> {
        let number = u8::try_from(number).ok().filter(|number| *number < 16)?;
        // SAFETY: Valid by the type invariants, and `number` is within the arrays. The slot may
        // change under us, hence the volatile read; what it points to belongs to a configuration,
        // which lives as long as the device.
        let endpoint = unsafe {
            let slots = match direction {
                Direction::In => &raw const (*self.as_raw()).ep_in,
                Direction::Out => &raw const (*self.as_raw()).ep_out,
            };
            slots
                .cast::<*mut bindings::usb_host_endpoint>()
                .add(usize::from(number))
                .read_volatile()
                .as_ref()?
        };
        Some(Endpoint {
            kind: EndpointKind::from_attributes(endpoint.desc.bmAttributes),
            number,
        })
    }

    /// Takes the device lock, unless `give_up` becomes true before it is to be had.
    ///
    /// Task context, may sleep. For threads that somebody may wait for with the lock held.
    pub fn lock_unless(&self, give_up: impl Fn() -> bool) -> Option<DeviceLock<'_>> {
        loop {
            // SAFETY: The device is valid by the type invariants; its lock is a mutex.
            if unsafe { bindings::mutex_trylock(&raw mut (*self.as_raw()).dev.mutex) } != 0 {
                return Some(DeviceLock(self));
            }
            if give_up() {
                return None;
            }
            // SAFETY: Task context.
            unsafe { bindings::msleep(LOCK_RETRY_MS) };
        }
    }

    /// Takes the device lock for a reset (`usb_lock_device_for_reset()`).
    ///
    /// Task context, may sleep. Gives up after about a second with `EBUSY`, or with `ENODEV` or
    /// `EHOSTUNREACH` when the device is gone or asleep.
    pub fn lock_for_reset(&self) -> Result<DeviceLock<'_>> {
        // SAFETY: The device is valid by the type invariants.
        to_result(unsafe {
            bindings::usb_lock_device_for_reset(self.as_raw(), core::ptr::null())
        })?;
        Ok(DeviceLock(self))
    }
}

/// The lock of a device, held.
///
/// # Invariants
///
/// The lock is held by the current thread.
pub struct DeviceLock<'a>(&'a Device);

impl DeviceLock<'_> {
    /// Resets the device (`usb_reset_device()`). Task context, may sleep.
    pub fn reset(&self) -> Result {
        // SAFETY: The device is valid and locked.
        to_result(unsafe { bindings::usb_reset_device(self.0.as_raw()) })
    }

    /// Chooses a configuration (`usb_set_configuration()`). Task context, may sleep.
    pub fn set_configuration(&self, configuration: u16) -> Result {
        // SAFETY: The device is valid and locked.
        to_result(unsafe {
            bindings::usb_set_configuration(self.0.as_raw(), i32::from(configuration))
        })
    }

    /// Chooses an alternate setting (`usb_set_interface()`). Task context, may sleep.
    pub fn set_interface(&self, interface: u16, alternate: u16) -> Result {
        // SAFETY: The device is valid and locked.
        to_result(unsafe {
            bindings::usb_set_interface(self.0.as_raw(), i32::from(interface), i32::from(alternate))
        })
    }

    /// Ends the halt of an endpoint (`usb_clear_halt()`). Task context, may sleep.
    pub fn clear_halt(&self, number: u8, direction: Direction) -> Result {
        let endpoint = Endpoint {
            kind: EndpointKind::Control,
            number,
        };
        let devnum = (self.0.devnum() & 0x7f) as u8;
        // CAST: Pipes are `unsigned int` in a URB and `int` here; the bits are the same.
        let pipe = endpoint.pipe(devnum, direction) as i32;
        // SAFETY: The device is valid and locked.
        to_result(unsafe { bindings::usb_clear_halt(self.0.as_raw(), pipe) })
    }
}

impl Drop for DeviceLock<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we hold the lock.
        unsafe { bindings::mutex_unlock(&raw mut (*self.0.as_raw()).dev.mutex) };
    }
}
