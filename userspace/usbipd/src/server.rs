// SPDX-License-Identifier: GPL-2.0

//! The life of the daemon.

use std::env;
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, error, info};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::sockopt;
use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
use usbip_logger::Reason;
use usbip_net::{Channel, Patience, TcpPort};
use usbip_service::{tell_ready, tell_reloading, tell_stopping, Signal, Signals};
use usbip_sysfs::Sysfs;

use crate::address::{Endpoint, ListenAddress};
use crate::config::Config;
use crate::exporter::Exporter;
use crate::exports::Exports;
use crate::keeper;
use crate::listeners::{Listener, Listeners};
use crate::options::{Mode, Options};
use crate::peer::Peer;
use crate::pid_file::{self, PidFile};
use crate::waiting::{Place, Waiting};
use crate::{daemon, request, Reported, USBIPD, VERSION};

/// Time a client has from the connection to the end of the reply.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Stack of a connection's thread in bytes; what it holds is a few device records.
const STACK_SIZE: usize = 256 * 1024;

/// Pause when no connection can be accepted, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Longest time the first client waits for what rules export.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Time imports get to finish once the daemon is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Time between two signs of life in the debug output.
const HEARTBEAT: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start; told.
pub fn serve(options: &Options, port: &TcpPort) -> Result<(), Reported> {
    let config = read_config(options)?;
    let inherited = Listeners::inherit();
    let root = env::var_os("USBIP_SYSFS").map_or_else(|| "/sys".into(), PathBuf::from);
    let exports = Exports::new(Sysfs::new(&root), options.mode);
    let pid_file = options.pid_file.as_deref().map(pid_file::resolve);
    if options.daemon {
        daemon::detach_from_terminal().map_err(|error| told("daemonizing failed", &error))?;
    }
    let signals = Signals::install().map_err(|error| told("signals", &error))?;
    info!(target: USBIPD, "starting {VERSION}");
    let mut server = Server {
        options,
        port,
        root,
        exports,
        waiting: Waiting::default(),
        listeners: inherited,
        exporter: None,
        config: Config::default(),
    };
    server.configure(config)?;
    // Only while the sockets are open: before and after, the file may be another daemon's.
    let pid_file = pid_file.as_deref().and_then(PidFile::create);
    if let Some(exporter) = &server.exporter {
        exporter.wait_for_first_look(FIRST_LOOK);
    }
    tell_ready("exporting devices");
    let result = server.run(&signals);
    tell_stopping();
    drop(pid_file);
    server.finish();
    result.map_err(|error| told("poll", &error))
}

fn read_config(options: &Options) -> Result<Config, Reported> {
    Config::read(options.config.as_deref()).map_err(|error| {
        error!(target: USBIPD, "{error}");
        Reported
    })
}

struct Server<'a> {
    options: &'a Options,
    port: &'a TcpPort,
    root: PathBuf,
    exports: Exports,
    waiting: Waiting,
    listeners: Listeners,
    exporter: Option<Exporter>,
    config: Config,
}

impl Server<'_> {
    fn run(&mut self, signals: &Signals) -> io::Result<()> {
        loop {
            for listener in self.wait(signals)? {
                self.accept(listener);
            }
            match signals.take() {
                Some(Signal::Stop) => return Ok(()),
                Some(Signal::Reload) => self.reload(),
                None => {}
            }
        }
    }

    /// The sockets with connections.
    fn wait(&self, signals: &Signals) -> io::Result<Vec<&Listener>> {
        let listeners: Vec<_> = self.listeners.iter().collect();
        let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
        fds.extend(listeners.iter().map(|fd| PollFd::new(*fd, PollFlags::IN)));
        match poll(&mut fds, Some(&HEARTBEAT)) {
            Ok(0) => debug!(target: USBIPD, "heartbeat timeout on poll()"),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = fds.iter().skip(1).map(|fd| !fd.revents().is_empty());
        let ready = listeners.into_iter().zip(ready);
        Ok(ready
            .filter_map(|(listener, is_ready)| is_ready.then_some(listener))
            .collect())
    }

    /// Puts a configuration into force.
    fn configure(&mut self, config: Config) -> Result<(), Reported> {
        self.refuse_two_opinions(&config)?;
        self.listeners.listen_on(self.endpoints(&config))?;
        raise_descriptor_limit(config.max_connections);
        match &self.exporter {
            Some(exporter) => exporter.set_rules(config.allow.clone()),
            // The rules are about real devices.
            None if self.options.mode == Mode::Device => {}
            // What a rule has exported that is gone is to be taken back.
            None if config.allow.is_empty() && !keeper::has_exports() => {}
            None => {
                let exporter = Exporter::start(&self.root, config.allow.clone());
                self.exporter =
                    Some(exporter.map_err(|error| told("cannot keep devices exported", &error))?);
            }
        }
        self.config = config;
        Ok(())
    }

    /// Where to listen, as far as somebody has said so.
    fn places<'a>(&'a self, config: &'a Config) -> &'a [ListenAddress] {
        match self.options.listen.is_empty() {
            true => &config.listen,
            false => &self.options.listen,
        }
    }

    /// Sockets of systemd stay open whatever `listen` says: who restricts the addresses there would
    /// still be reached on all of them.
    fn refuse_two_opinions(&self, config: &Config) -> Result<(), Reported> {
        let mut places = self.places(config).iter();
        let is_told = self.options.restricts_tcp()
            || places.any(|place| matches!(place, ListenAddress::Tcp { .. }));
        match self.listeners.inherited_tcp() {
            Some(address) if is_told => {
                error!(target: USBIPD, "told where to listen, but systemd has opened {address}, which stays open: change that with \"systemctl edit usbipd.socket\", or end it with \"systemctl disable --now usbipd.socket\"");
                Err(Reported)
            }
            _ => Ok(()),
        }
    }

    /// Where to listen: what the command line says, else the configuration, else what systemd has
    /// opened, else everywhere. A name that cannot be resolved is told and left out.
    fn endpoints(&self, config: &Config) -> Vec<Endpoint> {
        let number = self.port.number();
        let places = self.places(config);
        if places.is_empty() {
            return match self.listeners.has_inherited() {
                true => Vec::new(),
                false => Endpoint::defaults(self.options.families, number),
            };
        }
        let endpoints = places.iter().filter_map(|place| {
            let endpoints = place.endpoints(number);
            let failed = |error| told(&format!("listen: {place}"), &error);
            endpoints.map_err(failed).ok()
        });
        endpoints.flatten().collect()
    }

    /// A configuration with a mistake changes nothing.
    fn reload(&mut self) {
        tell_reloading();
        info!(target: USBIPD, "reading the configuration again");
        let config = read_config(self.options);
        if config.and_then(|config| self.configure(config)).is_err() {
            error!(target: USBIPD, "going on with the configuration as it was");
        }
        tell_ready("exporting devices");
    }

    fn accept(&self, listener: &Listener) {
        let started = match listener.accept() {
            Ok((stream, peer)) => self.start(stream, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => {
                thread::sleep(PAUSE);
                Err(error)
            }
        };
        if let Err(error) = started {
            told("failed to accept connection", &error);
        }
    }

    fn start(&self, stream: TcpStream, peer: Peer) -> io::Result<()> {
        info!(target: USBIPD, "connection from {peer}");
        // Other families send at once anyway.
        let _ = sockopt::set_tcp_nodelay(&stream, true);
        self.config.dead_peer.apply(&stream)?;
        let limit = self.config.max_connections;
        let place: Place = self.waiting.enter(&stream, peer.crowd(), limit)?;
        let channel = Channel::new(stream, Patience::Until(Instant::now() + TIME_LIMIT));
        let exports = self.exports.clone();
        thread::Builder::new()
            .name("usbipd-request".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || request::serve(&exports, channel, &peer, &place))?;
        Ok(())
    }

    /// Gives imports under way a moment. Devices in use stay so: the kernel has their sockets.
    fn finish(self) {
        drop(self.listeners);
        info!(target: USBIPD, "shutting down usbipd");
        let end = Instant::now() + FAREWELL;
        while self.waiting.is_serving() && Instant::now() < end {
            thread::sleep(PAUSE);
        }
    }
}

/// A connection takes two descriptors, and reading its devices a few more for a moment.
fn raise_descriptor_limit(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(connections).map_or(u64::MAX, |count| count.saturating_mul(3) + 64);
    let wanted = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            told("limit of open files", &error.into());
        }
    }
}

fn told(text: &str, error: &io::Error) -> Reported {
    error!(target: USBIPD, "{text}: {}", Reason(error));
    Reported
}
