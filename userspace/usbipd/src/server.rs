// SPDX-License-Identifier: GPL-2.0

//! The life of the daemon.

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, error, info};
use usbip_logger::Reason;
use usbip_net::{tune, Channel, Patience, TcpPort};
use usbip_sysfs::Sysfs;

use crate::listeners::{spell, Event, Listeners};
use crate::options::{Mode, Options};
use crate::pid_file::{self, PidFile};
use crate::stop::StopSignal;
use crate::waiting::{Place, Waiting};
use crate::{daemon, exports, request, Reported, USBIPD, VERSION};

/// Time a client has from the connection to the end of the reply.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Stack of a connection's thread in bytes; what it holds is a few device records.
const STACK_SIZE: usize = 256 * 1024;

/// Pause when no connection can be accepted, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Time imports get to finish once the daemon is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start; told.
pub fn serve(options: &Options, port: &TcpPort) -> Result<(), Reported> {
    if options.mode == Mode::Device {
        error!(target: USBIPD, "device mode (--device) is not supported by this usbipd");
        return Err(Reported);
    }
    let root = env::var_os("USBIP_SYSFS").map_or_else(|| "/sys".into(), PathBuf::from);
    let sysfs = Sysfs::new(&root);
    exports::check(&sysfs);
    let pid_file = options.pid_file.as_deref().map(pid_file::resolve);
    if options.daemon {
        daemon::detach_from_terminal().map_err(|error| told("daemonizing failed", &error))?;
    }
    let stop = StopSignal::install().map_err(|error| told("signals", &error))?;
    let _pid_file = pid_file.as_deref().and_then(PidFile::create);
    info!(target: USBIPD, "starting {VERSION}");
    let listeners = Listeners::open(options.families, port)?;
    let server = Server {
        sysfs,
        waiting: Waiting::default(),
    };
    let result = server.run(&listeners, &stop);
    drop(listeners);
    info!(target: USBIPD, "shutting down usbipd");
    server.finish();
    result.map_err(|error| told("poll", &error))
}

struct Server {
    sysfs: Sysfs,
    waiting: Waiting,
}

impl Server {
    fn run(&self, listeners: &Listeners, stop: &StopSignal) -> io::Result<()> {
        loop {
            match listeners.wait(stop)? {
                Event::Stop => return Ok(()),
                Event::Heartbeat => debug!(target: USBIPD, "heartbeat timeout on poll()"),
                Event::Connections(sockets) => {
                    for socket in sockets {
                        self.accept(socket);
                    }
                }
            }
        }
    }

    fn accept(&self, socket: &TcpListener) {
        let started = match socket.accept() {
            Ok((stream, address)) => self.start(stream, &address),
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

    fn start(&self, stream: TcpStream, address: &SocketAddr) -> io::Result<()> {
        info!(target: USBIPD, "connection from {}", spell(address));
        tune(&stream)?;
        let place: Place = self.waiting.enter(&stream)?;
        let channel = Channel::new(stream, Patience::Until(Instant::now() + TIME_LIMIT));
        let sysfs = self.sysfs.clone();
        thread::Builder::new()
            .name("usbipd-request".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || request::serve(&sysfs, channel, &place))?;
        Ok(())
    }

    /// Gives imports under way a moment. Devices in use stay so: the kernel has their sockets.
    fn finish(&self) {
        let end = Instant::now() + FAREWELL;
        while self.waiting.is_serving() && Instant::now() < end {
            thread::sleep(PAUSE);
        }
    }
}

fn told(text: &str, error: &io::Error) -> Reported {
    error!(target: USBIPD, "{text}: {}", Reason(error));
    Reported
}
