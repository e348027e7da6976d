// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use usbip_net::TcpPort;

use crate::address::ListenAddress;
use crate::USBIP;

/// Help text of C; a further newline follows it.
pub const HELP: &str = "usage: usbipd [options]

\t-4, --ipv4
\t\tBind to IPv4. Default is both.

\t-6, --ipv6
\t\tBind to IPv6. Default is both.

\t-e, --device
\t\tRun in device mode.
\t\tRather than drive an attached device, create
\t\ta virtual UDC to bind gadgets to.

\t-D, --daemon
\t\tRun as a daemon process.

\t-d, --debug
\t\tPrint debugging information.

\t-PFILE, --pid FILE
\t\tWrite process id to FILE.
\t\tIf no FILE specified, use /var/run/usbipd.pid

\t-tPORT, --tcp-port PORT
\t\tListen on TCP/IP port PORT.

\t-h, --help
\t\tPrint this help.

\t-v, --version
\t\tShow version.
";

/// Pid file when `-P` comes without a name.
const DEFAULT_PID_FILE: &str = "/var/run/usbipd.pid";

/// Short options that take no value and may stand before `P` in one argument.
const SHORT_FLAGS: &str = "46Ddehv";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Export devices.
    Serve,
    /// Show the help text.
    Help,
    /// Show the version.
    Version,
}

/// Address families to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 and IPv6, on a socket each.
    Both,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real devices on usbip-host.
    Host,
    /// Gadgets on usbip-vudc.
    Device,
}

/// The options.
#[derive(Debug)]
pub struct Options {
    /// What to do; the last of several such options counts.
    pub action: Action,
    /// Where to listen.
    pub families: Families,
    /// What to export.
    pub mode: Mode,
    /// Whether to go into the background.
    pub daemon: bool,
    /// Whether to print debug lines.
    pub debug: bool,
    /// File for the process id.
    pub pid_file: Option<PathBuf>,
    /// Configuration file, if not the usual one.
    pub config: Option<PathBuf>,
    /// Where to listen, instead of what the configuration says.
    pub listen: Vec<ListenAddress>,
    tcp_ports: Vec<String>,
}

impl Options {
    /// Parses the arguments, program name first.
    ///
    /// # Errors
    /// The complaint `getopt_long` would print.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let args: Vec<_> = args.iter().map(|arg| complete_pid_option(arg)).collect();
        let matches = command_line()
            .try_get_matches_from(&args)
            .map_err(|error| complaint(&args, &error))?;
        let values = |name| matches.get_many::<OsString>(name).unwrap_or_default();
        let texts = |name| values(name).map(|text| text.to_string_lossy().into_owned());
        let program = args.first().map(|name| name.to_string_lossy());
        let listen = texts("listen").map(|text| text.parse::<ListenAddress>());
        let listen: Result<Vec<_>, _> = listen.collect();
        Ok(Self {
            action: action(&matches),
            families: match (matches.get_flag("ipv4"), matches.get_flag("ipv6")) {
                (true, false) => Families::Ipv4,
                (false, true) => Families::Ipv6,
                _ => Families::Both,
            },
            mode: match matches.get_flag("device") {
                true => Mode::Device,
                false => Mode::Host,
            },
            daemon: matches.get_flag("daemon"),
            debug: matches.get_flag("debug"),
            pid_file: matches.get_one::<OsString>("pid").map(PathBuf::from),
            config: values("config").next_back().map(PathBuf::from),
            listen: listen.map_err(|error| format!("{}: {error}", program.unwrap_or_default()))?,
            tcp_ports: texts("tcp-port").collect(),
        })
    }

    /// Whether `-4`, `-6` or `-t` says something about where TCP is listened on.
    pub fn restricts_tcp(&self) -> bool {
        self.families != Families::Both || !self.tcp_ports.is_empty()
    }

    /// The last port that makes sense; every other one is told and passed over.
    pub fn tcp_port(&self) -> TcpPort {
        TcpPort::choose(&self.tcp_ports, USBIP)
    }
}

/// The options as clap knows them; the manual page and the completions are made from this.
pub fn command_line() -> Command {
    Command::new("usbipd")
        .about("Export USB devices over the network")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .infer_long_args(true)
        .args_override_self(true)
        .args(flags())
        .args(values())
        .arg(
            Arg::new("ignored")
                .num_args(0..)
                .hide(true)
                .value_parser(ValueParser::os_string()),
        )
}

fn flags() -> [Arg; 7] {
    [
        ("ipv4", '4', "Listen on IPv4 only"),
        ("ipv6", '6', "Listen on IPv6 only"),
        (
            "device",
            'e',
            "Export gadgets of usbip-vudc instead of devices",
        ),
        ("daemon", 'D', "Go into the background and log to syslog"),
        ("debug", 'd', "Print debugging information"),
        ("help", 'h', "Print the options usbip-utils has"),
        ("version", 'v', "Show version"),
    ]
    .map(|(name, short, help)| {
        Arg::new(name)
            .long(name)
            .short(short)
            .help(help)
            .action(ArgAction::SetTrue)
    })
}

fn values() -> [Arg; 4] {
    let value = |name: &'static str, value_name: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value_name)
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .value_parser(ValueParser::os_string())
    };
    [
        value("pid", "FILE")
            .short('P')
            .action(ArgAction::Set)
            .help("Write the process id to FILE (/var/run/usbipd.pid if none is given)"),
        value("tcp-port", "PORT")
            .short('t')
            .help("Listen on TCP port PORT instead of 3240"),
        value("listen", "ADDRESS").help(
            "Listen there instead of on every address: ADDRESS, ADDRESS:PORT, [IPV6]:PORT, \
             unix:/PATH, vsock:PORT or vsock:CID:PORT; may be given several times, and before the \
             machine has the address",
        ),
        value("config", "FILE")
            .help("Read this configuration file instead of /etc/usbip/usbipd.toml"),
    ]
}

fn action(matches: &ArgMatches) -> Action {
    let position = |name| matches.get_flag(name).then(|| matches.index_of(name));
    match (position("help"), position("version")) {
        (None, None) => Action::Serve,
        (help, version) if help > version => Action::Help,
        _ => Action::Version,
    }
}

/// Adds the default to a `-P` or `--pid` without an attached value: such a value is optional, and
/// the next argument is never it.
fn complete_pid_option(arg: &OsStr) -> OsString {
    let text = arg.to_string_lossy();
    let is_long = text.len() > 3 && "--pid".starts_with(&*text);
    let flags = text
        .strip_prefix('-')
        .and_then(|text| text.strip_suffix('P'));
    let is_short = flags.is_some_and(|flags| flags.chars().all(|flag| SHORT_FLAGS.contains(flag)));
    let mut arg = arg.to_owned();
    if is_long {
        arg.push("=");
    }
    if is_long || is_short {
        arg.push(DEFAULT_PID_FILE);
    }
    arg
}

/// Puts clap's finding into the words of glibc.
fn complaint(args: &[OsString], error: &clap::Error) -> String {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.split([' ', '=']).next().unwrap_or_default(),
        _ => "",
    };
    let last_is_short = args
        .last()
        .is_some_and(|arg| !arg.as_encoded_bytes().starts_with(b"--"));
    let short = option.strip_prefix('-').unwrap_or_default();
    let text = match error.kind() {
        ErrorKind::UnknownArgument if !short.starts_with('-') => {
            format!("invalid option -- '{short}'")
        }
        ErrorKind::UnknownArgument => format!("unrecognized option '{option}'"),
        ErrorKind::TooManyValues => format!("option '{option}' doesn't allow an argument"),
        // Of the short ones only the port needs a value, and it is missing only at the end.
        _ if last_is_short => "option requires an argument -- 't'".to_owned(),
        _ => format!("option '{option}' requires an argument"),
    };
    let program = args.first().map(|name| name.to_string_lossy());
    format!("{}: {text}", program.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let program = std::iter::once(&"usbipd");
        let args: Vec<_> = program.chain(args).map(OsString::from).collect();
        Options::parse(&args)
    }

    #[test]
    fn pid_file_must_be_attached() {
        let pid_file = |args: &[&str]| parse(args).unwrap().pid_file;
        let default = Some(PathBuf::from(DEFAULT_PID_FILE));
        assert_eq!(pid_file(&[]), None);
        for args in [
            &["-P"][..],
            &["--pid"],
            &["-DP"],
            &["-P", "x"],
            &["--pi", "x"],
        ] {
            assert_eq!(pid_file(args), default, "{args:?}");
        }
        for args in [&["-Px"][..], &["--pid=x"], &["-4Px"]] {
            assert_eq!(pid_file(args), Some(PathBuf::from("x")), "{args:?}");
        }
    }

    #[test]
    fn last_action_counts() {
        assert_eq!(parse(&["-v", "-h"]).unwrap().action, Action::Help);
        assert_eq!(
            parse(&["--help", "--version"]).unwrap().action,
            Action::Version
        );
        assert_eq!(parse(&["-D4"]).unwrap().action, Action::Serve);
    }

    #[test]
    fn families() {
        let families = |args: &[&str]| parse(args).unwrap().families;
        assert_eq!(families(&[]), Families::Both);
        assert_eq!(families(&["-46"]), Families::Both);
        assert_eq!(families(&["--ipv4"]), Families::Ipv4);
        assert_eq!(families(&["-6"]), Families::Ipv6);
    }

    #[test]
    fn places_to_listen_on() {
        let options = parse(&["--listen", "10.0.0.1", "--listen=unix:/run/x"]).unwrap();
        assert_eq!(options.listen.len(), 2);
        let complaint = parse(&["--listen", "unix:x"]).unwrap_err();
        assert!(complaint.starts_with("usbipd: 'unix:x' is no place to listen on"));
    }

    #[test]
    fn complaints_are_those_of_glibc() {
        let complaint = |args: &[&str]| parse(args).unwrap_err();
        assert_eq!(complaint(&["-x"]), "usbipd: invalid option -- 'x'");
        assert_eq!(complaint(&["--foo"]), "usbipd: unrecognized option '--foo'");
        let requires = complaint(&["--tcp-port"]);
        assert_eq!(requires, "usbipd: option '--tcp-port' requires an argument");
        let requires = complaint(&["-4t"]);
        assert_eq!(requires, "usbipd: option requires an argument -- 't'");
        let allows = complaint(&["--daemon=1"]);
        assert_eq!(
            allows,
            "usbipd: option '--daemon' doesn't allow an argument"
        );
    }
}
