// SPDX-License-Identifier: GPL-2.0

//! The ports of this machine and what the records say about them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use usbip_client::{RecordError, Records, Remote};
use usbip_holder::holders;
use usbip_sysfs::{Port, PortRow, PortState, Sysfs, VhciError};

use crate::phase::{Attachment, TEARDOWN};

/// Time between two looks at a connection that is about to end.
const LOOK: Duration = Duration::from_millis(20);

/// State of all ports at one moment.
#[derive(Debug)]
pub struct Ports {
    rows: Vec<PortRow>,
}

/// What became of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The device is there.
    Alive,
    /// The connection is there, the device not yet.
    Enumerating,
    /// The port is in error and stays so until it is detached.
    Broken,
    /// The port is free, or has another device.
    Gone,
}

impl Ports {
    /// Reads them.
    ///
    /// # Errors
    /// See [`VhciError`].
    pub fn read(sysfs: &Sysfs) -> Result<Self, VhciError> {
        let rows = sysfs.vhci()?.ports()?;
        Ok(Self { rows })
    }

    /// What became of an attachment. A port that is being set up does not tell its device yet.
    pub fn fate(&self, attachment: &Attachment) -> Fate {
        let mut rows = self.rows.iter();
        let Some(row) = rows.find(|row| row.port == attachment.port) else {
            return Fate::Gone;
        };
        match row.state {
            PortState::Used if row.devid == attachment.devid => Fate::Alive,
            PortState::NotAssigned => Fate::Enumerating,
            PortState::Error => Fate::Broken,
            PortState::Used | PortState::Null | PortState::Other(_) => Fate::Gone,
        }
    }

    /// The ports with a device and their records.
    pub fn attached<'a>(
        &'a self,
        records: &'a Records,
    ) -> impl Iterator<Item = (&'a PortRow, Remote)> {
        let used = self.rows.iter().filter(|row| row.state == PortState::Used);
        used.filter_map(|row| Some((row, records.read(row.port).ok()?)))
    }
}

/// What the record of a port says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The device that is asked about.
    Ours,
    /// Another one: the port has been taken again.
    Other,
    /// There is no record.
    Nothing,
}

impl Recorded {
    /// Reads the record of a port and compares it with a remote device.
    pub fn read(records: &Records, port: Port, remote: &Remote) -> Self {
        match records.read(port) {
            Ok(record) if record == *remote => Self::Ours,
            Ok(_) | Err(RecordError::Malformed) => Self::Other,
            Err(RecordError::Open | RecordError::Empty) => Self::Nothing,
        }
    }
}

/// Whether the user has ended an attachment. `usbip detach` removes the record, Debian's before
/// the port becomes free and ours after; the loss of a connection does not. `first` is what was
/// seen when the port was found free, `later` a moment after that.
pub fn was_detached(first: Recorded, later: Recorded) -> bool {
    first == Recorded::Nothing || later == Recorded::Nothing
}

/// What keeps the disk on a port from being given back, and what to do about it.
pub fn in_use(sysfs: &Sysfs, port: Port) -> Option<String> {
    let ports = Ports::read(sysfs).ok()?;
    let row = ports.rows.iter().find(|row| row.port == port)?;
    let device = sysfs.usb_device(row.local.as_ref()?).ok()?;
    let holders = holders(Path::new("/proc"), Path::new("/dev"), &device);
    let holder = holders.iter().find(|holder| holder.is_disk())?;
    Some(format!("{holder}; {}", holder.remedy()))
}

/// Waits for the end of a connection that has been asked for.
pub fn wait_until_free(sysfs: &Sysfs, attachment: &Attachment) {
    let end = Instant::now() + TEARDOWN;
    let is_there = || Ports::read(sysfs).is_ok_and(|ports| ports.fate(attachment) != Fate::Gone);
    while is_there() && Instant::now() < end {
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_removed_record_means_detached() {
        use Recorded::{Nothing, Other, Ours};
        assert!(was_detached(Nothing, Nothing));
        assert!(was_detached(Ours, Nothing));
        // Detached, and the port given to another device since.
        assert!(was_detached(Nothing, Other));
        assert!(!was_detached(Ours, Ours));
        // Lost together with another device, which came back first and took the port.
        assert!(!was_detached(Ours, Other));
    }
}
