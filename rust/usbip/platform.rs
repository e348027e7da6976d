// SPDX-License-Identifier: GPL-2.0

//! Platform devices that a module makes itself, and platform drivers with power management.
//!
//! C header: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h)

use core::{
    marker::PhantomData,
    mem::offset_of,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        CoreInternal,
        Device, //
    },
    driver::{
        DriverLayout,
        RegistrationOps, //
    },
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
};

/// A platform device. Dropping it takes the device out of the system.
///
/// # Invariants
///
/// `raw` was registered by [`OwnedDevice::new`] and has not been unregistered.
pub struct OwnedDevice {
    raw: NonNull<bindings::platform_device>,
}

// SAFETY: Platform devices may be unregistered from any thread.
unsafe impl Send for OwnedDevice {}
// SAFETY: `&OwnedDevice` offers nothing.
unsafe impl Sync for OwnedDevice {}

impl OwnedDevice {
    /// Registers the device `NAME.ID`, which probes the driver of that name if there is one.
    ///
    /// Task context, may sleep.
    pub fn new(name: &'static CStr, id: i32) -> Result<Self> {
        let info = bindings::platform_device_info {
            name: name.as_char_ptr(),
            id,
            ..Default::default()
        };
        // SAFETY: `info` is complete and only read.
        let raw = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })?;

        // INVARIANT: Just registered.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
        })
    }
}

impl Drop for OwnedDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the device is registered and ours.
        unsafe { bindings::platform_device_unregister(self.raw.as_ptr()) };
    }
}

/// A driver for platform devices of its own name.
pub trait Driver: 'static {
    /// What the driver keeps for a bound device; dropped after [`unbind`](Self::unbind).
    type Data: Send + Sync + 'static;

    /// Binds the device `id`. Task context, device lock held.
    fn probe(dev: &Device<Bound>, id: i32) -> Result<Self::Data>;

    /// The device goes away. Task context, device lock held.
    fn unbind(data: &Self::Data);

    /// The system goes to sleep; an error keeps it awake. Task context, device lock held.
    fn suspend(dev: &Device<Bound>, data: &Self::Data) -> Result;

    /// The system is back. Task context, device lock held.
    fn resume(data: &Self::Data);
}

/// Registers a [`Driver`], through [`kernel::driver::Registration`].
pub struct Adapter<T: Driver>(PhantomData<T>);

// SAFETY: `platform_driver` is `repr(C)` and embeds a `device_driver` at that offset, and
// `probe_callback` stores a `T::Data`.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = bindings::platform_driver;
    type DriverData<'bound> = T::Data;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(bindings::platform_driver, driver);
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
        driver.driver.name = name.as_char_ptr();
        driver.probe = Some(Self::probe_callback);
        driver.remove = Some(Self::remove_callback);
        driver.suspend = Some(Self::suspend_callback);
        driver.resume = Some(Self::resume_callback);

        // SAFETY: The caller keeps `reg` pinned and valid until `unregister`.
        to_result(unsafe {
            bindings::__platform_driver_register(reg.get(), module.as_ptr(), name.as_char_ptr())
        })
    }

    unsafe fn unregister(reg: &Opaque<Self::DriverType>) {
        // SAFETY: The caller promises that `reg` is registered.
        unsafe { bindings::platform_driver_unregister(reg.get()) };
    }
}

impl<T: Driver> Adapter<T> {
    /// # Safety
    ///
    /// `pdev` is valid and inside of a bus callback for as long as `'a`.
    unsafe fn device<'a>(pdev: *mut bindings::platform_device) -> &'a Device<CoreInternal<'a>> {
        // SAFETY: The caller promises a valid device; `dev` is part of it.
        unsafe { Device::from_raw(&raw mut (*pdev).dev) }
    }

    /// # Safety
    ///
    /// `pdev` is bound to this driver and stays so for as long as `'a`.
    unsafe fn data<'a>(pdev: *mut bindings::platform_device) -> &'a T::Data {
        // SAFETY: The device is bound, so `probe_callback` has stored a `Pin<KBox<T::Data>>`.
        unsafe { Self::device(pdev).drvdata_borrow::<T::Data>().get_ref() }
    }

    extern "C" fn probe_callback(pdev: *mut bindings::platform_device) -> c_int {
        from_result(|| {
            // SAFETY: The platform bus passes a valid device.
            let (dev, id) = unsafe { (Self::device(pdev), (*pdev).id) };
            let stored = T::probe(dev, id).and_then(|data| dev.set_drvdata(Ok::<_, Error>(data)));
            if stored.is_err() {
                // The driver core takes what it finds here for a `Pin<KBox<T::Data>>`, and
                // `usb_create_hcd()` leaves a pointer of its own.
                // SAFETY: The device is valid and being probed, so only we use its data.
                unsafe { bindings::dev_set_drvdata(&raw mut (*pdev).dev, core::ptr::null_mut()) };
            }
            stored.map(|()| 0)
        })
    }

    extern "C" fn remove_callback(pdev: *mut bindings::platform_device) {
        // SAFETY: The platform bus passes a device that is still bound to us.
        T::unbind(unsafe { Self::data(pdev) });
    }

    extern "C" fn suspend_callback(
        pdev: *mut bindings::platform_device,
        _state: bindings::pm_message_t,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The PM core passes a device that is bound to us and holds its lock.
            let (dev, data) = unsafe { (Self::device(pdev), Self::data(pdev)) };
            T::suspend(dev, data)?;
            Ok(0)
        })
    }

    extern "C" fn resume_callback(pdev: *mut bindings::platform_device) -> c_int {
        // SAFETY: As in `suspend_callback`.
        T::resume(unsafe { Self::data(pdev) });
        0
    }
}
