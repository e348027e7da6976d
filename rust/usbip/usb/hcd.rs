// SPDX-License-Identifier: GPL-2.0

//! Virtual host controllers: a USB 2 root hub and a USB 3 root hub that share a device.
//!
//! C header: [`include/linux/usb/hcd.h`](srctree/include/linux/usb/hcd.h)

use super::{
    enqueued::{
        DequeuedUrb,
        EnqueuedUrb, //
    },
    hcd_ref::HcdRef,
    root_hub::{
        HubRequest,
        RootHub, //
    }, //
};
use crate::{
    compat::ESHUTDOWN,
    device, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::Bound,
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    str::as_char_ptr_in_const_context,
    sync::Arc, //
};
use usbip_bindings::{
    hc_driver,
    usb_hcd, //
};

/// The bytes that usbcore provides for the reply to a hub request, at least
/// (`sizeof(struct usb_hub_descriptor)`, see `rh_call_control()`).
const MIN_REPLY_LEN: usize = core::mem::size_of::<usbip_bindings::usb_hub_descriptor>();

/// A registered root hub. Dropping it takes the hub and all devices on it out of the system.
///
/// # Invariants
///
/// The hcd was added with usbcore, and its private data is an `Arc<T>` turned into a pointer.
pub struct Hcd<T: RootHub> {
    hcd: HcdRef,
    _hub: PhantomData<Arc<T>>,
}

impl<T: RootHub> Hcd<T> {
    /// Adds the USB 2 root hub of the controller `dev`.
    ///
    /// Task context, may sleep, device lock held.
    pub fn add(dev: &kernel::device::Device<Bound>, hub: Arc<T>) -> Result<Self> {
        // SAFETY: The driver structure is a constant, `dev` is bound.
        let raw = unsafe {
            let raw_dev = device::as_raw(dev);
            usbip_bindings::usb_create_hcd(&Self::DRIVER, raw_dev, dev.name().as_char_ptr())
        };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        // Without a transaction translator low and full speed devices are refused.
        // SAFETY: The hcd is new and only ours.
        unsafe { (*raw.as_ptr()).set_has_tt(1) };
        Self::register(raw, hub)
    }

    /// Adds the USB 3 root hub of a controller that has a USB 2 root hub.
    ///
    /// Task context, may sleep, device lock held.
    pub fn add_shared(
        dev: &kernel::device::Device<Bound>,
        primary: &Self,
        hub: Arc<T>,
    ) -> Result<Self> {
        // SAFETY: As in `add`; the primary hcd is registered.
        let raw = unsafe {
            usbip_bindings::usb_create_shared_hcd(
                &Self::DRIVER,
                device::as_raw(dev),
                dev.name().as_char_ptr(),
                primary.hcd.as_raw(),
            )
        };
        Self::register(NonNull::new(raw).ok_or(ENOMEM)?, hub)
    }

    fn register(raw: NonNull<usb_hcd>, hub: Arc<T>) -> Result<Self> {
        // SAFETY: The reference is the one the hcd was created with.
        let hcd = unsafe { HcdRef::from_raw(raw) };
        // SAFETY: The hcd is new, its private area has room for a pointer, and no callback runs
        // before it is added.
        unsafe {
            Self::private(raw.as_ptr()).write(Arc::into_raw(hub));
            (*raw.as_ptr()).set_uses_new_polling(1);
            (*raw.as_ptr()).power_budget = 0;
        }
        // SAFETY: The hcd is complete; a virtual controller has no interrupt.
        let added = to_result(unsafe { usbip_bindings::usb_add_hcd(raw.as_ptr(), 0, 0) });
        if let Err(error) = added {
            // SAFETY: The hcd was not added, so no callback runs any more.
            drop(unsafe { Self::take_hub(raw.as_ptr()) });
            return Err(error);
        }
        // INVARIANT: Just added.
        Ok(Self {
            hcd,
            _hub: PhantomData,
        })
    }

    fn private(raw: *mut usb_hcd) -> *mut *const T {
        // SAFETY: The private area is the last member; only its address is taken.
        unsafe { (&raw mut (*raw).hcd_priv).cast() }
    }

    /// # Safety
    ///
    /// No callback runs any more, and this is called once.
    unsafe fn take_hub(raw: *mut usb_hcd) -> Arc<T> {
        // SAFETY: `register()` stored the pointer; the caller promises the rest.
        unsafe { Arc::from_raw(Self::private(raw).read()) }
    }

    /// # Safety
    ///
    /// `raw` is valid and inside of a callback for as long as `'a`.
    unsafe fn hub<'a>(raw: *mut usb_hcd) -> &'a T {
        // SAFETY: `register()` stored the pointer, and it is taken back after the last callback.
        unsafe { &*Self::private(raw).read() }
    }
}

impl<T: RootHub> Drop for Hcd<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the hcd was added; when this returns no callback runs.
        unsafe {
            usbip_bindings::usb_remove_hcd(self.hcd.as_raw());
            drop(Self::take_hub(self.hcd.as_raw()));
        }
    }
}

/// The callbacks. usbcore passes a valid hcd to each of them, and `register()` has stored the hub.
impl<T: RootHub> Hcd<T> {
    const FLAGS: u32 = usbip_bindings::HCD_USB31
        | usbip_bindings::HCD_SHARED
        | usbip_bindings::HCD_BH
        // Where memory has no address for good, usb-storage takes only controllers that it can leave
        // such memory to (`usb_stor_probe2()`).
        | if cfg!(CONFIG_HIGHMEM) { usbip_bindings::HCD_DMA } else { 0 };

    const DRIVER: hc_driver = hc_driver {
        description: as_char_ptr_in_const_context(T::DESCRIPTION),
        product_desc: as_char_ptr_in_const_context(T::PRODUCT),
        hcd_priv_size: core::mem::size_of::<*const T>(),
        flags: Self::FLAGS as c_int,
        reset: Some(Self::reset_callback),
        start: Some(Self::start_callback),
        stop: Some(Self::stop_callback),
        urb_enqueue: Some(Self::urb_enqueue_callback),
        urb_dequeue: Some(Self::urb_dequeue_callback),
        get_frame_number: Some(Self::get_frame_number_callback),
        hub_status_data: Some(Self::hub_status_data_callback),
        hub_control: Some(Self::hub_control_callback),
        bus_suspend: Some(Self::bus_suspend_callback),
        bus_resume: Some(Self::bus_resume_callback),
        map_urb_for_dma: Some(Self::map_urb_for_dma_callback),
        unmap_urb_for_dma: Some(Self::unmap_urb_for_dma_callback),
        ..pin_init::zeroed()
    };

    extern "C" fn reset_callback(raw: *mut usb_hcd) -> c_int {
        // SAFETY: The hcd is being added and has its root hub.
        unsafe {
            let hcd = &mut *raw;
            let is_primary = hcd.primary_hcd.is_null() || hcd.primary_hcd == raw;
            let (speed, hub_speed) = if is_primary {
                let speed = bindings::usb_device_speed_USB_SPEED_HIGH;
                (usbip_bindings::HCD_USB2, speed)
            } else {
                let speed = bindings::usb_device_speed_USB_SPEED_SUPER_PLUS;
                (usbip_bindings::HCD_USB31, speed)
            };
            hcd.speed = speed as c_int;
            (*hcd.self_.root_hub).speed = hub_speed;
            // Scatter lists of any length and shape.
            hcd.self_.sg_tablesize = u32::MAX;
            hcd.self_.set_no_sg_constraint(1);
        }
        0
    }

    extern "C" fn start_callback(raw: *mut usb_hcd) -> c_int {
        // SAFETY: See above; the borrowed reference is cloned.
        unsafe { Self::hub(raw).start(HcdRef::borrow(&raw).clone()) };
        0
    }

    /// Whoever drops the hub has ended all connections before.
    extern "C" fn stop_callback(_raw: *mut usb_hcd) {}

    extern "C" fn urb_enqueue_callback(
        raw: *mut usb_hcd,
        urb: *mut bindings::urb,
        _flags: bindings::gfp_t,
    ) -> c_int {
        from_result(|| {
            let urb = NonNull::new(urb).ok_or(EINVAL)?;
            // SAFETY: See above; usbcore passes a complete URB that is not linked.
            unsafe { Self::hub(raw).urb_enqueue(EnqueuedUrb::new(HcdRef::borrow(&raw), urb))? };
            Ok(0)
        })
    }

    extern "C" fn urb_dequeue_callback(
        raw: *mut usb_hcd,
        urb: *mut bindings::urb,
        status: c_int,
    ) -> c_int {
        from_result(|| {
            let urb = NonNull::new(urb).ok_or(EINVAL)?;
            // SAFETY: See above; usbcore holds a reference on the URB.
            unsafe {
                let urb = DequeuedUrb::new(HcdRef::borrow(&raw), urb, status);
                Self::hub(raw).urb_dequeue(urb)?;
            }
            Ok(0)
        })
    }

    /// There is no frame counter on this side of the wire.
    extern "C" fn get_frame_number_callback(_raw: *mut usb_hcd) -> c_int {
        0
    }

    extern "C" fn hub_status_data_callback(raw: *mut usb_hcd, map: *mut c_char) -> c_int {
        // SAFETY: See above; usbcore passes a buffer that fits a hub with `USB_MAXCHILDREN` ports.
        unsafe {
            let map = core::slice::from_raw_parts_mut(map.cast(), STATUS_MAP_LEN);
            Self::hub(raw).status_data(map) as c_int
        }
    }

    extern "C" fn hub_control_callback(
        raw: *mut usb_hcd,
        type_req: u16,
        value: u16,
        index: u16,
        reply: *mut c_char,
        length: u16,
    ) -> c_int {
        from_result(|| {
            let room = MIN_REPLY_LEN.max(usize::from(length));
            // SAFETY: See above; usbcore passes a buffer of that size (`rh_call_control()`).
            let count = unsafe {
                let request = HubRequest {
                    type_req,
                    value,
                    index,
                    length,
                    accessible: HcdRef::borrow(&raw).is_accessible(),
                };
                let reply = core::slice::from_raw_parts_mut(reply.cast(), room);
                Self::hub(raw).control(request, reply)?
            };
            Ok(count as c_int)
        })
    }

    extern "C" fn bus_suspend_callback(raw: *mut usb_hcd) -> c_int {
        // SAFETY: See above; usbcore calls this with the root hub locked.
        unsafe { (*raw).state = usbip_bindings::HC_STATE_SUSPENDED as c_int };
        0
    }

    extern "C" fn bus_resume_callback(raw: *mut usb_hcd) -> c_int {
        // SAFETY: As above.
        unsafe {
            if !HcdRef::borrow(&raw).is_accessible() {
                return ESHUTDOWN.to_errno();
            }
            (*raw).state = usbip_bindings::HC_STATE_RUNNING as c_int;
        }
        0
    }

    /// Nothing here reads memory but the processor.
    extern "C" fn map_urb_for_dma_callback(
        _raw: *mut usb_hcd,
        _urb: *mut bindings::urb,
        _flags: bindings::gfp_t,
    ) -> c_int {
        0
    }

    extern "C" fn unmap_urb_for_dma_callback(_raw: *mut usb_hcd, _urb: *mut bindings::urb) {}
}

/// Bytes of the status bitmap usbcore provides for (`rh_call_control()`, `usb_hcd_poll_rh_status()`:
/// 6, enough for `USB_MAXCHILDREN`).
const STATUS_MAP_LEN: usize = 4;
