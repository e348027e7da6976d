// SPDX-License-Identifier: GPL-2.0

//! Writes to the kernel's `detach` file, which is how a user detaches without a tool: no record is
//! removed then, and the port looks as if its connection had been lost. Removals of records tell
//! those writes apart that a tool has made.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify;
use usbip_client::Records;
use usbip_sysfs::{Port, Sysfs};

/// A subscription. Becomes readable when somebody, this service too, writes to the file or removes
/// a record.
#[derive(Debug)]
pub struct DetachWrites {
    events: OwnedFd,
    watched: Option<i32>,
}

/// What has happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// How often somebody wrote.
    pub writes: usize,
    /// Ports whose records were removed.
    pub removed: Vec<Port>,
}

impl DetachWrites {
    /// Subscribes; the driver need not be there yet.
    ///
    /// # Errors
    /// Those of `inotify_init`.
    pub fn subscribe(sysfs: &Sysfs, records: &Records) -> io::Result<Self> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let mut writes = Self {
            events: inotify::init(flags)?,
            watched: None,
        };
        writes.follow(sysfs, records);
        Ok(writes)
    }

    /// Turns to the file there is now: a driver that is loaded again has a new one. The directory of
    /// records goes with the last of them and comes with the next.
    pub fn follow(&mut self, sysfs: &Sysfs, records: &Records) {
        let file = sysfs.vhci().map(|vhci| vhci.detach_file()).ok();
        // A file that is gone before it is watched is followed at the event that tells so.
        let watched = file.and_then(|file| {
            inotify::add_watch(&self.events, file, inotify::WatchFlags::MODIFY).ok()
        });
        if let Some(old) = self.watched.filter(|_| self.watched != watched) {
            // The kernel has removed it already when the file is gone.
            let _ = inotify::remove_watch(&self.events, old);
        }
        self.watched = watched;
        let removals = inotify::WatchFlags::DELETE;
        // Without a directory there are no records to be removed.
        let _ = inotify::add_watch(&self.events, records.directory(), removals);
    }

    /// What has happened since the last call.
    pub fn take(&self) -> Happened {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.events, &mut buffer);
        let mut happened = Happened::default();
        // That something is no longer watched is an event too.
        while let Ok(event) = reader.next() {
            let kind = event.events();
            happened.writes += usize::from(kind.contains(inotify::ReadFlags::MODIFY));
            if kind.contains(inotify::ReadFlags::DELETE) {
                let port = event.file_name().and_then(recorded_port);
                happened.removed.extend(port);
            }
        }
        happened
    }
}

/// The port a file of the directory of records is about.
fn recorded_port(name: &CStr) -> Option<Port> {
    let number = name.to_str().ok()?.strip_prefix("port")?;
    number.parse().ok().map(Port)
}

impl AsFd for DetachWrites {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usbip_client::Remote;
    use usbip_fixture::FakeSysfs;

    const FILE: &str = "devices/platform/vhci_hcd.0/detach";

    fn records(fake: &FakeSysfs) -> Records {
        Records::new(Some(fake.root().join("records")))
    }

    #[test]
    fn a_driver_that_comes_again_is_no_write() {
        let fake = FakeSysfs::new().unwrap();
        let sysfs = Sysfs::new(fake.root());
        let mut writes = DetachWrites::subscribe(&sysfs, &records(&fake)).unwrap();
        for _ in 0..2 {
            fake.load_vhci(4, &[""]).unwrap();
            writes.follow(&sysfs, &records(&fake));
            assert_eq!(writes.take(), Happened::default());
            fake.write(FILE, "1").unwrap();
            assert!(writes.take().writes > 0);
            assert_eq!(writes.take(), Happened::default());
            std::fs::remove_file(fake.root().join(FILE)).unwrap();
            assert_eq!(writes.take(), Happened::default());
        }
    }

    #[test]
    fn removed_records_are_told_by_port() {
        let fake = FakeSysfs::new().unwrap();
        let (sysfs, records) = (Sysfs::new(fake.root()), records(&fake));
        let mut writes = DetachWrites::subscribe(&sysfs, &records).unwrap();
        let remote = Remote {
            host: "h".to_owned(),
            port: "3240".to_owned(),
            busid: "1-2".to_owned(),
        };
        for _ in 0..2 {
            records.write(Port(12), &remote).unwrap();
            writes.follow(&sysfs, &records);
            records.write(Port(12), &remote).unwrap();
            assert_eq!(writes.take(), Happened::default());
            records.remove(Port(12), records.stamp(Port(12)));
            assert_eq!(writes.take().removed, [Port(12)]);
        }
    }
}
