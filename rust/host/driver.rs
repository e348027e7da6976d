// SPDX-License-Identifier: GPL-2.0

//! The device driver: decides which devices are exported.

use super::{
    busid::BusId,
    export::Export,
    host::HOST,
    sysfs, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use usbip::{
    sysfs::Group,
    usb::{
        driver::{
            Driver,
            DriverFileRef, //
        },
        registered::{
            PortClaim,
            Registered, //
        },
        Device, //
    }, //
};

/// The driver's name. Programs look for the C driver's, so this is not the module's name.
pub(crate) const NAME: &CStr = c"usbip-host";

/// The driver.
pub(crate) struct Stub;

/// What a bound device has. The mutex is for taking the parts out when the device goes.
pub(crate) struct BoundDevice {
    name: BusId,
    export: Arc<Export>,
    parts: Pin<KBox<Mutex<Option<Parts>>>>,
}

/// The fields are torn down in this order.
struct Parts {
    _files: Group<Export>,
    _claim: PortClaim,
}

impl Driver for Stub {
    type Data = BoundDevice;

    const FILES: &'static [DriverFileRef] = sysfs::DRIVER_FILES;

    fn probe(device: &Registered) -> Result<BoundDevice> {
        let host = HOST.get().ok_or(ENODEV)?;
        let name = BusId::of(device)?;
        if !host.busids.lock().allows(name) {
            dev_info!(
                device.device(),
                "{} is not in match_busid table... skip!\n",
                device.device().name()
            );
            return Err(ENODEV);
        }
        if device.is_hub() {
            return Err(ENODEV);
        }
        dev_info!(
            device.device(),
            "usbip-host: register new device (bus {} dev {})\n",
            device.busnum(),
            device.devnum()
        );
        let claim = device.claim_port()?;
        let export = Export::new(device, host.queue.clone(), host.limits)?;
        let bound = BoundDevice {
            name,
            export,
            parts: KBox::pin_init(new_mutex!(None, "BoundDevice::parts"), GFP_KERNEL)?,
        };
        // Last: there may be a client as soon as there are files, and then nothing may fail.
        let files = sysfs::create_files(&bound.export)?;
        *bound.parts.lock() = Some(Parts {
            _files: files,
            _claim: claim,
        });
        host.busids.lock().bind(name, device.to_loan());
        Ok(bound)
    }

    fn disconnect(device: &Device, bound: &BoundDevice) {
        let parts = bound.parts.lock().take();
        bound.export.remove();
        drop(parts);
        if let Some(host) = HOST.get() {
            host.busids
                .lock()
                .unbind(bound.name, device.is_disconnected());
        }
    }
}
