// SPDX-License-Identifier: GPL-2.0

//! Waiting until an attached device can be used.

use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use usbip_service::Uevents;
use usbip_sysfs::{Device, Port, PortRow, PortState, Vhci};

use crate::cause::{Cause, Kind};
use crate::environment::Environment;
use crate::imported::report_vhci;
use crate::report::{fail, Reported};

/// Longest time without a look: the port's state changes without an event under the C driver.
const LOOK: Duration = Duration::from_millis(250);

/// Time without events after which a device is as complete as it gets: an interface may have no
/// driver, a card reader no card.
const QUIET: Duration = Duration::from_secs(2);

/// Drivers whose disks come some time after the driver itself.
const STORAGE: [&str; 2] = ["usb-storage", "uas"];

/// How far a device has come.
enum Progress {
    /// Not enumerated yet.
    Awaited,
    /// No driver has any part of the device of that name.
    Driverless(String),
    /// A driver has a part of it; more may come.
    Usable,
    /// Everything it has is there.
    Complete,
}

/// Waits for devices; events count from when it is made.
#[derive(Debug)]
pub struct Arrival {
    events: Option<Uevents>,
    end: Instant,
}

impl Arrival {
    /// Starts to listen; to be called before the attach. Without events it looks often.
    pub fn expect(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            events: Uevents::subscribe().ok(),
            end: now.checked_add(limit).unwrap_or(now),
        }
    }

    /// Waits for the device on a port.
    ///
    /// # Errors
    /// When the connection is lost, or the time is over; told. The device stays attached.
    pub fn wait(&self, environment: &Environment, port: Port) -> Result<(), Reported> {
        let vhci = environment.sysfs.vhci();
        let vhci = vhci.map_err(|error| report_vhci(&error))?;
        let mut quiet_since = Instant::now();
        loop {
            let progress = look(environment, &vhci, port)?;
            let left = self.end.saturating_duration_since(Instant::now());
            let is_quiet = quiet_since.elapsed() >= QUIET;
            match progress {
                Progress::Complete => return Ok(()),
                Progress::Usable if is_quiet || left.is_zero() => return Ok(()),
                progress if left.is_zero() => return Err(late(port, progress)),
                _ => {}
            }
            if self.listen(left.min(LOOK)) {
                quiet_since = Instant::now();
            }
        }
    }

    /// Whether anything happened to a USB device or below one.
    fn listen(&self, limit: Duration) -> bool {
        let Some(events) = &self.events else {
            std::thread::sleep(limit);
            return false;
        };
        let limit = Timespec::try_from(limit).ok();
        // Whatever wakes us, the next look tells what is there.
        let _ = poll(&mut [PollFd::new(events, PollFlags::IN)], limit.as_ref());
        events.any(|event| event.devpath.to_string_lossy().contains("/usb"))
    }
}

fn look(environment: &Environment, vhci: &Vhci, port: Port) -> Result<Progress, Reported> {
    let rows = vhci.ports().map_err(|error| report_vhci(&error))?;
    let row = rows.into_iter().find(|row| row.port == port);
    match row {
        Some(row) if row.state != PortState::Null => Ok(progress(environment, &row)),
        _ => Err(
            fail(format_args!("port {port} has lost its connection")).because(Cause::new(
                Kind::Unreachable,
                "the server or the kernel ended the connection during enumeration",
                "see \"dmesg\" here and there",
            )),
        ),
    }
}

fn progress(environment: &Environment, row: &PortRow) -> Progress {
    let local = row.local.as_ref().filter(|_| row.state.has_device());
    let device = local.and_then(|busid| environment.sysfs.usb_device(busid).ok());
    let Some(device) = device else {
        return Progress::Awaited;
    };
    let interfaces = device.interfaces();
    let bound = |interface: &&Device| interface.driver().is_some();
    match interfaces.iter().filter(bound).count() {
        0 => Progress::Driverless(device.sysname().to_owned()),
        count if count == interfaces.len() && interfaces.iter().all(has_disk) => Progress::Complete,
        _ => Progress::Usable,
    }
}

/// Whether the disks of an interface have come, if it has any.
fn has_disk(interface: &Device) -> bool {
    let driver = interface.driver().unwrap_or_default();
    let is_ready = |size: std::io::Result<String>| size.is_ok_and(|size| size != "0");
    !STORAGE.contains(&driver.as_str())
        || interface
            .nodes()
            .iter()
            .any(|node| node.subsystem == "block" && is_ready(node.attribute("size")))
}

fn late(port: Port, progress: Progress) -> Reported {
    let (detail, next) = match progress {
        Progress::Driverless(busid) => (
            format!("{busid} is here, but no driver takes it"),
            format!(
                "see \"lsusb -t\" and load its driver, or give it back with \"usbip detach -p {port}\""
            ),
        ),
        _ => (
            "the device is attached, but not enumerated".to_owned(),
            format!("see \"dmesg\", or give it back with \"usbip detach -p {port}\""),
        ),
    };
    fail(format_args!("port {port} was not ready in time")).because(Cause::new(
        Kind::Timeout,
        detail,
        next,
    ))
}
