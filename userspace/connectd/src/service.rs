// SPDX-License-Identifier: GPL-2.0

//! The life of the service.

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::{error, info};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use usbip_client::Records;
use usbip_service::{
    tell_ready, tell_reloading, tell_stopping, NetworkChanges, Signal, Signals, UEvent, Uevents,
};
use usbip_sysfs::{Sysfs, VHCI_DRIVER};

use crate::board::Board;
use crate::config;
use crate::detach_writes::{DetachWrites, Happened};
use crate::keeper::{Keeper, News, Shared};
use crate::marks::Marks;
use crate::only_one::OnlyOne;
use crate::options::Options;
use crate::wanted::Wanted;
use crate::{fail, Reported, CONNECTD};

/// Stack of a keeper's thread in bytes.
const STACK_SIZE: usize = 256 * 1024;

/// Time for the events of one change of the network to come together. Keepers try at each piece of
/// news, so this also limits how often.
const NETWORK_SETTLE: Duration = Duration::from_secs(1);

/// Runs the service until it is told to stop. What is attached then stays so.
///
/// # Errors
/// When it cannot start; told.
pub fn serve(options: &Options) -> Result<(), Reported> {
    let wanted = config::read(&options.config).map_err(fail)?;
    let only_one = OnlyOne::take().map_err(|error| fail(format_args!("lock: {error}")))?;
    let Some(_only_one) = only_one else {
        return Err(fail("another usbip-connectd is running"));
    };
    let place = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let signals = Signals::install().map_err(|error| fail(format_args!("signals: {error}")))?;
    let sysfs = Sysfs::new(&place("USBIP_SYSFS").unwrap_or_else(|| "/sys".into()));
    let records = Records::new(place("USBIP_STATE"));
    let sources = Sources::open(&sysfs, &records);
    let mut sources = sources.map_err(|error| fail(format_args!("kernel events: {error}")))?;
    let marks = Marks::open().map_err(|error| fail(format_args!("marks: {error}")))?;
    let mut service = Service {
        shared: Arc::new(Shared {
            sysfs,
            records,
            board: Board::new(),
            marks,
        }),
        keepers: Vec::new(),
        network_changed: None,
    };
    let is_seal_broken = service.is_seal_broken();
    service.seal();
    service.keep(wanted);
    if is_seal_broken {
        info!(target: CONNECTD, "somebody wrote to detach while the service was not running");
        service.shared.board.detach_written();
    }
    tell_ready("keeping devices attached");
    let result = service.run(options, &signals, &mut sources);
    tell_stopping();
    let _whole = service.shared.board.handing_over();
    result.map_err(|error| fail(format_args!("poll: {error}")))
}

/// Where events come from.
struct Sources {
    uevents: Uevents,
    network: NetworkChanges,
    detach: DetachWrites,
}

impl Sources {
    fn open(sysfs: &Sysfs, records: &Records) -> io::Result<Self> {
        Ok(Self {
            detach: DetachWrites::subscribe(sysfs, records)?,
            uevents: Uevents::subscribe()?,
            network: NetworkChanges::subscribe()?,
        })
    }
}

struct Service {
    shared: Arc<Shared>,
    keepers: Vec<(Wanted, Sender<News>)>,
    /// When to tell the keepers that the network has changed.
    network_changed: Option<Instant>,
}

impl Service {
    fn run(
        &mut self,
        options: &Options,
        signals: &Signals,
        sources: &mut Sources,
    ) -> io::Result<()> {
        loop {
            self.wait(signals, sources)?;
            match signals.take() {
                Some(Signal::Stop) => return Ok(()),
                Some(Signal::Reload) => self.reload(options),
                None => {}
            }
            if sources.uevents.any(concerns_ports) {
                let Shared { sysfs, records, .. } = &*self.shared;
                sources.detach.follow(sysfs, records);
                self.seal();
                self.tell(News::Ports);
            }
        }
    }

    fn wait(&mut self, signals: &Signals, sources: &Sources) -> io::Result<()> {
        let marks = &self.shared.marks;
        let network = sources.network.as_fd();
        let wait = self.network_changed;
        let wait = wait.map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let fds = [
            signals.as_fd(),
            sources.uevents.as_fd(),
            sources.detach.as_fd(),
            network,
            marks.as_fd(),
        ];
        let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [_, _, detach, network, marks] = fds.map(|fd| !fd.revents().is_empty());
        if detach {
            self.detached(&sources.detach.take());
        }
        if network {
            sources.network.drain()?;
            let due = Instant::now() + NETWORK_SETTLE;
            self.network_changed.get_or_insert(due);
        }
        if marks {
            self.shared.marks.drain();
            self.tell(News::Marks);
        }
        if self
            .network_changed
            .is_some_and(|due| due <= Instant::now())
        {
            self.network_changed = None;
            self.tell(News::Network);
        }
        Ok(())
    }

    /// Somebody may have detached a device.
    fn detached(&self, happened: &Happened) {
        let board = &self.shared.board;
        (0..happened.writes).for_each(|_| board.detach_written());
        for port in &happened.removed {
            board.record_removed(*port);
        }
        if happened.writes > 0 {
            self.seal();
            self.tell(News::Ports);
        }
    }

    fn detach_file(&self) -> Option<PathBuf> {
        let vhci = self.shared.sysfs.vhci().ok()?;
        Some(vhci.detach_file())
    }

    fn is_seal_broken(&self) -> bool {
        let file = self.detach_file();
        file.is_some_and(|file| self.shared.board.is_seal_broken(&file))
    }

    /// Seals the file of the driver there is now.
    fn seal(&self) {
        if let Some(file) = self.detach_file() {
            self.shared.board.seal(&file);
        }
    }

    fn tell(&self, news: News) {
        for (_wanted, keeper) in &self.keepers {
            // A keeper ends only when it is dropped here.
            let _ = keeper.send(news);
        }
    }

    /// A configuration with a mistake changes nothing.
    fn reload(&mut self, options: &Options) {
        tell_reloading();
        info!(target: CONNECTD, "reading the configuration again");
        match config::read(&options.config) {
            Ok(wanted) => self.keep(wanted),
            Err(error) => {
                error!(target: CONNECTD, "{error}");
                error!(target: CONNECTD, "going on with the configuration as it was");
            }
        }
        tell_ready("keeping devices attached");
    }

    /// Starts keepers for what is new. Those of what is no longer wanted end; what they have
    /// attached stays so.
    fn keep(&mut self, wanted: Vec<Wanted>) {
        self.keepers.retain(|(old, _keeper)| wanted.contains(old));
        self.shared.board.retain(&wanted);
        for wanted in wanted {
            if self.keepers.iter().any(|(old, _keeper)| *old == wanted) {
                continue;
            }
            let (sender, news) = mpsc::channel();
            let keeper = Keeper::new(self.shared.clone(), wanted.clone());
            let started = thread::Builder::new()
                .name("keeper".to_owned())
                .stack_size(STACK_SIZE)
                .spawn(move || keeper.run(&news));
            match started {
                Ok(_thread) => self.keepers.push((wanted, sender)),
                Err(error) => error!(target: CONNECTD, "{}: {error}", wanted.name),
            }
        }
        let count = self.keepers.len();
        info!(target: CONNECTD, "wanted devices: {count}");
    }
}

/// Events of the virtual controllers, and of the devices on them.
fn concerns_ports(event: &UEvent) -> bool {
    let mut parts = event.devpath.iter();
    parts.any(|part| part.to_string_lossy().starts_with(VHCI_DRIVER))
}
