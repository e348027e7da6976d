// SPDX-License-Identifier: GPL-2.0

//! The files of the driver and of an exported device.

use super::{
    busid::BusId,
    export::Export,
    host::{
        Host,
        HOST, //
    }, //
};
use kernel::{
    fmt::Write,
    prelude::*,
    str::{
        CString,
        Formatter, //
    },
    sync::Arc, //
};
use usbip::{
    debug,
    scan,
    sysfs::{
        DriverFile,
        FileSpec,
        Files,
        Group,
        READ_ONLY,
        READ_WRITE,
        WRITE_ONLY, //
    },
    usb::driver::DriverFileRef, //
};

/// The files of the driver.
pub(crate) const DRIVER_FILES: &[DriverFileRef] = &[
    DriverFileRef::new::<MatchBusid>(),
    DriverFileRef::new::<Rebind>(),
];

fn host() -> Result<Arc<Host>> {
    HOST.get().ok_or(ENODEV)
}

/// `match_busid`: the names of the devices the driver may bind to.
struct MatchBusid;

impl DriverFile for MatchBusid {
    const NAME: &'static CStr = c"match_busid";
    const MODE: u16 = READ_WRITE;

    fn show(out: &mut Formatter<'_>) -> Result {
        host()?.busids.lock().show(out).map_err(|_| EIO)
    }

    fn store(data: &[u8]) -> Result {
        let (verb, name) = data.split_at_checked(4).ok_or(EINVAL)?;
        if name.is_empty() {
            return Err(EINVAL);
        }
        let name = BusId::new(name)?;
        let host = host()?;
        let mut busids = host.busids.lock();
        match verb {
            b"add " => busids.add(name),
            b"del " => busids.del(name),
            _ => Err(EINVAL),
        }
    }
}

/// `rebind`: gives a device back to the drivers it was taken from.
struct Rebind;

impl DriverFile for Rebind {
    const NAME: &'static CStr = c"rebind";
    const MODE: u16 = WRITE_ONLY;

    fn store(data: &[u8]) -> Result {
        host()?.rebind(BusId::new(data)?)
    }
}

/// The files of a device by id.
const USBIP_STATUS: usize = 0;
const USBIP_SOCKFD: usize = 1;

/// Creates the files of a device. Task context, may sleep.
pub(crate) fn create_files(export: &Arc<Export>) -> Result<Group<Export>> {
    let mut specs = KVec::new();
    let mut add = |name: CString, mode| specs.push(FileSpec { name, mode }, GFP_KERNEL);
    add(CString::try_from_fmt(fmt!("usbip_status"))?, READ_ONLY)?;
    add(CString::try_from_fmt(fmt!("usbip_sockfd"))?, WRITE_ONLY)?;
    add(CString::try_from_fmt(fmt!("usbip_debug"))?, READ_WRITE)?;
    Group::new(export.device().device(), export.clone(), specs)
}

impl Export {
    /// Tells user space that the status has changed: those who poll `usbip_status`, and everybody
    /// by a `change` event of the device. Task context, may sleep, with the device lock held or from
    /// within one of the device's files.
    pub(super) fn announce(&self) {
        // Without memory user space has to look for itself.
        if let Ok(detail) = CString::try_from_fmt(fmt!("USBIP_STATUS={}", self.status())) {
            usbip::sysfs::announce(self.device().device(), c"usbip_status", &detail);
        }
    }
}

impl Files for Export {
    fn show(this: &Arc<Self>, id: usize, out: &mut Formatter<'_>) -> Result {
        match id {
            USBIP_STATUS => writeln!(out, "{}", this.status()).map_err(|_| EIO),
            _ => debug::show(out),
        }
    }

    fn store(this: &Arc<Self>, id: usize, data: &[u8]) -> Result {
        match id {
            USBIP_SOCKFD => match scan::signed(&mut &*data).ok_or(EINVAL)? {
                -1 => this.disconnect(),
                sockfd => this.connect(sockfd),
            },
            _ => debug::store(data),
        }
    }
}
