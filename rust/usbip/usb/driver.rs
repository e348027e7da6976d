// SPDX-License-Identifier: GPL-2.0

//! Drivers of whole USB devices, as opposed to drivers of interfaces.

use super::{
    registered::Registered,
    Device, //
};
use crate::sysfs::{
    DriverAttribute,
    DriverFile, //
};
use core::{
    marker::PhantomData,
    mem::offset_of, //
};
use kernel::{
    bindings,
    device::{
        self,
        CoreInternal, //
    },
    driver::{
        DriverLayout,
        RegistrationOps, //
    },
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
};

/// A file in the directory of a driver, in a form that lists can hold.
pub struct DriverFileRef(*const bindings::driver_attribute);

// SAFETY: The attribute is a constant.
unsafe impl Sync for DriverFileRef {}

impl DriverFileRef {
    /// Names a file.
    pub const fn new<T: DriverFile>() -> Self {
        Self(DriverAttribute::<T>::as_ptr())
    }
}

/// A driver that is offered every USB device without a driver.
pub trait Driver: 'static {
    /// What the driver keeps for a bound device; dropped after [`disconnect`](Self::disconnect).
    type Data: Send + Sync + 'static;

    /// The files in the driver's directory.
    const FILES: &'static [DriverFileRef];

    /// Binds a device, or refuses it with `ENODEV`. Task context, device lock held.
    ///
    /// Every device that is bound is disconnected some time.
    fn probe(device: &Registered) -> Result<Self::Data>;

    /// The device goes away or is to be unbound. Task context, device lock held.
    fn disconnect(device: &Device, data: &Self::Data);
}

/// Registers a [`Driver`], through [`kernel::driver::Registration`].
pub struct Adapter<T: Driver>(PhantomData<T>);

// SAFETY: `usb_device_driver` is `repr(C)` and embeds a `device_driver` at that offset, and
// `probe_callback` stores a `T::Data`.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = bindings::usb_device_driver;
    type DriverData<'bound> = T::Data;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(bindings::usb_device_driver, driver);
}

// SAFETY: What `register` registers, `unregister` takes back.
unsafe impl<T: Driver> RegistrationOps for Adapter<T> {
    unsafe fn register(
        reg: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The registration is being initialised, so nobody else looks at it.
        let driver = unsafe { &mut *reg.get() };
        driver.name = name.as_char_ptr();
        driver.probe = Some(Self::probe_callback);
        driver.disconnect = Some(Self::disconnect_callback);
        driver.suspend = Some(Self::suspend_callback);
        driver.resume = Some(Self::resume_callback);
        driver.set_supports_autosuspend(0);

        // SAFETY: The caller keeps `reg` pinned and valid until `unregister`.
        to_result(unsafe { bindings::usb_register_device_driver(reg.get(), module.as_ptr()) })?;
        for (index, file) in T::FILES.iter().enumerate() {
            // SAFETY: The driver is registered, the attribute is a constant.
            let created = to_result(unsafe {
                bindings::driver_create_file(&raw const (*reg.get()).driver, file.0)
            });
            if created.is_err() {
                remove_files(reg, T::FILES.get(..index).unwrap_or_default());
                // SAFETY: Registered above.
                unsafe { bindings::usb_deregister_device_driver(reg.get()) };
                return created;
            }
        }
        Ok(())
    }

    unsafe fn unregister(reg: &Opaque<Self::DriverType>) {
        remove_files(reg, T::FILES);
        // SAFETY: The caller promises that `reg` is registered.
        unsafe { bindings::usb_deregister_device_driver(reg.get()) };
    }
}

/// Removes `files`, which have been created in the directory of `reg`.
fn remove_files(reg: &Opaque<bindings::usb_device_driver>, files: &[DriverFileRef]) {
    for file in files {
        // SAFETY: The driver is registered, and sysfs ignores a file that is not there.
        unsafe { bindings::driver_remove_file(&raw const (*reg.get()).driver, file.0) };
    }
}

impl<T: Driver> Adapter<T> {
    extern "C" fn probe_callback(udev: *mut bindings::usb_device) -> c_int {
        from_result(|| {
            // SAFETY: usbcore passes a device that is registered and locked, and the driver core is inside
            // of a callback.
            let (device, generic) = unsafe {
                (
                    Registered::from_raw(udev),
                    device::Device::<CoreInternal<'_>>::from_raw(&raw mut (*udev).dev),
                )
            };
            // The memory comes first: what has been probed cannot fail any more.
            let data = pin_init::pin_init_scope(|| T::probe(device).map(Ok::<_, Error>));
            generic.set_drvdata(data)?;
            Ok(0)
        })
    }

    extern "C" fn disconnect_callback(udev: *mut bindings::usb_device) {
        // SAFETY: usbcore passes a device that is still bound to us, so `probe_callback` has
        // stored a `T::Data`.
        unsafe {
            let generic = device::Device::<CoreInternal<'_>>::from_raw(&raw mut (*udev).dev);
            let data = generic.drvdata_borrow::<T::Data>();
            T::disconnect(Device::from_raw(udev), data.get_ref());
        }
    }

    /// The device stays as it is: usbcore has ended its transfers already.
    extern "C" fn suspend_callback(
        _udev: *mut bindings::usb_device,
        _message: bindings::pm_message_t,
    ) -> c_int {
        0
    }

    extern "C" fn resume_callback(
        _udev: *mut bindings::usb_device,
        _message: bindings::pm_message_t,
    ) -> c_int {
        0
    }
}
