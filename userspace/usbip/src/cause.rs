// SPDX-License-Identifier: GPL-2.0

//! Why things fail, and what to do about it.

use std::fmt;
use std::io;
use std::net::Ipv6Addr;

use serde::Serialize;
use usbip_holder::Holder;
use usbip_logger::Reason;
use usbip_net::{is_local, place, ConnectError, ExchangeError};
use usbip_protocol::op::{OpError, OpStatus, VERSION};

/// What kind of thing went wrong; part of the JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A kernel module is not loaded and cannot be loaded.
    ModuleAbsent,
    /// Only root may do this.
    NoPermission,
    /// The device is not exported.
    NotBound,
    /// Somebody uses the device.
    InUse,
    /// The device is unusable until it is exported anew.
    DeviceError,
    /// The peer speaks another version of the protocol.
    VersionMismatch,
    /// The peer does not want us.
    Refused,
    /// There is no way to the peer.
    Unreachable,
    /// It took too long.
    Timeout,
    /// The peer does not speak the protocol.
    BadAnswer,
    /// No device is what was asked for.
    NoMatch,
    /// Several devices are what was asked for.
    Ambiguous,
    /// Every port of that speed is taken.
    NoFreePort,
    /// A device of that kind is never exported.
    NotExportable,
    /// The kernel refused.
    Kernel,
    /// The command line is wrong.
    Usage,
}

impl Kind {
    const fn text(self) -> &'static str {
        match self {
            Self::ModuleAbsent => "module absent",
            Self::NoPermission => "no permission",
            Self::NotBound => "not bound",
            Self::InUse => "in use",
            Self::DeviceError => "device error",
            Self::VersionMismatch => "version mismatch",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad answer",
            Self::NoMatch => "no match",
            Self::Ambiguous => "ambiguous",
            Self::NoFreePort => "no free port",
            Self::NotExportable => "cannot be exported",
            Self::Kernel => "refused by the kernel",
            Self::Usage => "wrong usage",
        }
    }
}

/// Why something failed and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of thing.
    pub kind: Kind,
    /// What exactly.
    pub detail: String,
    /// What to do now.
    pub next: String,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, detail, next } = self;
        write!(f, "{}: {detail}; {next}", kind.text())
    }
}

impl Cause {
    /// Names a kind, the facts and the next step.
    pub fn new(kind: Kind, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            next: next.into(),
        }
    }

    /// A module is missing; `reason` is why it could not be loaded.
    pub fn module_absent(module: &str, reason: &str) -> Self {
        let detail = format!("{module} is not loaded and loading it failed: {reason}");
        Self::new(
            Kind::ModuleAbsent,
            detail,
            format!("run \"modprobe {module}\" as root"),
        )
    }

    /// A module is missing and this command does not load it.
    pub fn not_loaded(module: &str) -> Self {
        Self::new(
            Kind::ModuleAbsent,
            format!("{module} is not loaded"),
            format!("run \"modprobe {module}\" as root"),
        )
    }

    /// Only root may do it.
    pub fn no_permission() -> Self {
        Self::new(
            Kind::NoPermission,
            "this takes root",
            "run the same command as root",
        )
    }

    /// The kernel refused for a reason of its own.
    pub fn kernel(file: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::no_permission(),
            _ => Self::new(
                Kind::Kernel,
                format!("{file}: {}", Reason(error)),
                "see \"dmesg\"",
            ),
        }
    }

    /// A local device is in use.
    pub fn in_use(holders: &[Holder]) -> Self {
        let texts: Vec<_> = holders.iter().map(ToString::to_string).collect();
        let remedy = holders.first().map(Holder::remedy).unwrap_or_default();
        let next = format!("{remedy}, or bind with --force");
        Self::new(Kind::InUse, texts.join(", "), next)
    }

    /// No connection came about.
    pub fn of_connect(error: &ConnectError, host: &str, port: impl fmt::Display) -> Self {
        let reach = format!("see if \"ping {host}\" gets an answer");
        let place = place(host, port);
        let failure = match error {
            ConnectError::Unreachable(error) if is_local(host) => {
                return Self::of_local_connect(error, host)
            }
            ConnectError::Unreachable(error) if needs_scope(error, host) => {
                let detail = format!("{host} is an address of every network here");
                let next = format!("name the interface: {host}%eth0");
                return Self::new(Kind::Unreachable, detail, next);
            }
            ConnectError::Resolve(text) => {
                let detail = format!("'{host}' has no address: {text}");
                let next = format!("see what \"getent hosts {host}\" says");
                return Self::new(Kind::Unreachable, detail, next);
            }
            ConnectError::Unreachable(error) => error,
        };
        match failure.kind() {
            io::ErrorKind::ConnectionRefused => Self::new(
                Kind::Refused,
                format!("nobody listens on {place}"),
                "run \"usbipd -D\" there",
            ),
            io::ErrorKind::TimedOut => {
                Self::new(Kind::Timeout, format!("{place} does not answer"), reach)
            }
            io::ErrorKind::PermissionDenied => Self::new(
                Kind::NoPermission,
                format!("this machine forbids a connection to {place}"),
                "look at its firewall",
            ),
            _ => Self::new(
                Kind::Unreachable,
                format!("{place}: {}", Reason(failure)),
                reach,
            ),
        }
    }

    /// No connection to a socket of this machine or of its virtual machines came about.
    fn of_local_connect(error: &io::Error, host: &str) -> Self {
        let listen = format!("run \"usbipd -D --listen={host}\"");
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::no_permission(),
            io::ErrorKind::ConnectionRefused => Self::new(
                Kind::Refused,
                format!("nobody listens on {host}"),
                match host.starts_with("unix:") {
                    true => listen,
                    false => "run \"usbipd -D --listen=vsock:PORT\" there".to_owned(),
                },
            ),
            io::ErrorKind::NotFound => Self::new(
                Kind::Unreachable,
                format!("{host}: there is no such file"),
                listen,
            ),
            _ => Self::new(
                Kind::Unreachable,
                format!("{host}: {}", Reason(error)),
                "write unix:/PATH, vsock:CID or vsock:CID:PORT; vsock takes a virtual machine",
            ),
        }
    }

    /// The exchange with a server failed; `busid` is the device it was about.
    pub fn of_exchange(error: &ExchangeError, busid: Option<&str>) -> Self {
        match error {
            ExchangeError::Closed => Self::new(
                Kind::Refused,
                "the server closed the connection without an answer",
                "look at the log of usbipd there",
            ),
            ExchangeError::TimedOut => Self::new(
                Kind::Timeout,
                "the server did not answer in time",
                "see what keeps usbipd busy there",
            ),
            ExchangeError::Op(OpError::Version(version)) => Self::new(
                Kind::VersionMismatch,
                format!("the server speaks {version:#06x}, this tool {VERSION:#06x}"),
                "install a usbip of version 1.1.1 or newer there",
            ),
            ExchangeError::Op(OpError::Status(status)) => Self::of_status(*status, busid),
            ExchangeError::Op(error) => Self::new(
                Kind::BadAnswer,
                error.to_string(),
                "check that usbipd is what listens there",
            ),
            ExchangeError::Io(error) => Self::new(
                Kind::Unreachable,
                format!("the connection failed: {}", Reason(error)),
                "look at the network and try again",
            ),
        }
    }

    fn of_status(status: OpStatus, busid: Option<&str>) -> Self {
        let busid = busid.unwrap_or("BUSID");
        let (kind, detail, next) = match status {
            OpStatus::DEVICE_BUSY => (
                Kind::InUse,
                "another client has the device",
                "see who with \"usbip status\" there".to_owned(),
            ),
            OpStatus::DEVICE_ERROR => (
                Kind::DeviceError,
                "the device is unusable until it is exported anew",
                format!("run \"usbip unbind -b {busid}\" and \"usbip bind -b {busid}\" there"),
            ),
            OpStatus::NO_DEVICE => (
                Kind::NotBound,
                "the server does not export this device",
                format!("run \"usbip bind -b {busid}\" there"),
            ),
            _ => (
                Kind::Refused,
                "the server refuses",
                "look at the log of usbipd there".to_owned(),
            ),
        };
        Self::new(kind, detail, next)
    }
}

/// Whether a connection failed for the lack of an interface: link-local addresses need one.
fn needs_scope(error: &io::Error, host: &str) -> bool {
    let address = host.parse::<Ipv6Addr>();
    error.kind() == io::ErrorKind::InvalidInput
        && address.is_ok_and(|address| address.is_unicast_link_local())
}
