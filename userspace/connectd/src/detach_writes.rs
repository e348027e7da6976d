// SPDX-License-Identifier: GPL-2.0

//! Writes to the kernel's `detach` file, which is how a user detaches without a tool: no record is
//! removed then, and the port looks as if its connection had been lost.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify;
use usbip_sysfs::Sysfs;

/// A subscription. Becomes readable when somebody, this service too, writes to the file.
#[derive(Debug)]
pub struct DetachWrites {
    events: OwnedFd,
    watched: Option<i32>,
}

impl DetachWrites {
    /// Subscribes; the driver need not be there yet.
    ///
    /// # Errors
    /// Those of `inotify_init`.
    pub fn subscribe(sysfs: &Sysfs) -> io::Result<Self> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let mut writes = Self {
            events: inotify::init(flags)?,
            watched: None,
        };
        writes.follow(sysfs);
        Ok(writes)
    }

    /// Turns to the file there is now: a driver that is loaded again has a new one.
    pub fn follow(&mut self, sysfs: &Sysfs) {
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
    }

    /// Whether there were writes since the last call.
    pub fn any(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.events, &mut buffer);
        let mut found = false;
        // That a file is no longer watched is an event too.
        while let Ok(event) = reader.next() {
            found |= event.events().contains(inotify::ReadFlags::MODIFY);
        }
        found
    }
}

impl AsFd for DetachWrites {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usbip_fixture::FakeSysfs;

    const FILE: &str = "devices/platform/vhci_hcd.0/detach";

    #[test]
    fn a_driver_that_comes_again_is_no_write() {
        let fake = FakeSysfs::new().unwrap();
        let sysfs = Sysfs::new(fake.root());
        let mut writes = DetachWrites::subscribe(&sysfs).unwrap();
        for _ in 0..2 {
            fake.load_vhci(4, &[""]).unwrap();
            writes.follow(&sysfs);
            assert!(!writes.any());
            fake.write(FILE, "1").unwrap();
            assert!(writes.any());
            assert!(!writes.any());
            std::fs::remove_file(fake.root().join(FILE)).unwrap();
            assert!(!writes.any());
        }
    }
}
