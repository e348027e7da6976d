// SPDX-License-Identifier: GPL-2.0

//! The thread that keeps allowed devices bound.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use log::error;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use usbip_identity::Selector;
use usbip_service::{inbox, Inbox, Outlet, UEvent, Uevents};
use usbip_sysfs::HOST_DRIVER;

use crate::keeper::Keeper;
use crate::USBIPD;

/// Time for the events of one plugging in to come together.
const SETTLE: Duration = Duration::from_millis(50);

enum Order {
    Rules(Vec<Selector>),
    Stop,
}

/// The thread; it ends when this is dropped, and devices stay as they are.
pub struct Exporter {
    orders: Outlet<Order>,
    looked: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts it.
    ///
    /// # Errors
    /// Those of subscribing to events and starting a thread.
    pub fn start(root: &Path, rules: Vec<Selector>) -> io::Result<Self> {
        let (orders, inbox) = inbox()?;
        // Before the first look, so that nothing gets lost in between.
        let events = Uevents::subscribe()?;
        orders.send(Order::Rules(rules));
        let root = root.to_owned();
        let (sender, looked) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("usbipd-exports".to_owned())
            .spawn(move || run(root, &inbox, &events, &sender))?;
        Ok(Self {
            orders,
            looked,
            thread: Some(thread),
        })
    }

    /// Waits for the first look at the devices, but not for longer than that.
    pub fn wait_for_first_look(&self, limit: Duration) {
        // Clients get what there is then.
        let _ = self.looked.recv_timeout(limit);
    }

    /// Replaces the rules.
    pub fn set_rules(&self, rules: Vec<Selector>) {
        self.orders.send(Order::Rules(rules));
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic has said all there is to say.
            let _ = thread.join();
        }
    }
}

fn run(root: PathBuf, orders: &Inbox<Order>, events: &Uevents, looked: &SyncSender<()>) {
    let mut keeper = Keeper::new(root);
    loop {
        let next = keeper.next_attempt();
        let wait = next.map(|next| next.saturating_duration_since(Instant::now()));
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [
            PollFd::new(orders, PollFlags::IN),
            PollFd::new(events, PollFlags::IN),
        ];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                error!(target: USBIPD, "exports are no longer kept: poll: {error}");
                return;
            }
        }
        let mut is_due = fds.iter().all(|fd| fd.revents().is_empty());
        for order in orders.take() {
            match order {
                Order::Rules(rules) => keeper.set_rules(rules),
                Order::Stop => return,
            }
            is_due = true;
        }
        if events.any(concerns_us) {
            thread::sleep(SETTLE);
            events.any(concerns_us);
            is_due = true;
        }
        if is_due {
            keeper.look();
            // Only the first one is waited for.
            let _ = looked.try_send(());
        }
    }
}

/// Devices that come, go, or change their driver; and the driver itself.
fn concerns_us(event: &UEvent) -> bool {
    let is_device = event
        .env
        .get("DEVTYPE")
        .is_some_and(|kind| kind == "usb_device");
    is_device || event.devpath.ends_with(HOST_DRIVER)
}
