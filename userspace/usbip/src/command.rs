// SPDX-License-Identifier: GPL-2.0

//! The commands: names, help texts, dispatch.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use crate::answer::{self, Answer};
use crate::cause::{Cause, Kind};
use crate::environment::Environment;
use crate::report::Reported;
use crate::{attach, bind, detach, imported, list, options, status, unbind};

/// How to call the tool; `usage: ` goes before it.
pub const GLOBAL_USAGE: &str = "usbip [--debug] [--log] [--tcp-port PORT] [version]
             [help] <command> <args>
";

/// Version line; scripts compare it with that of usbip-utils.
const VERSION: &str = "usbip (usbip-utils 2.0)";

/// A command of the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show help.
    Help,
    /// Show the version.
    Version,
    /// Attach a remote device.
    Attach,
    /// Detach a remote device.
    Detach,
    /// List devices.
    List,
    /// Export a device.
    Bind,
    /// Stop exporting a device.
    Unbind,
    /// Show attached devices.
    Port,
    /// Show everything.
    Status,
}

impl Command {
    const ALL: [Self; 9] = [
        Self::Help,
        Self::Version,
        Self::Attach,
        Self::Detach,
        Self::List,
        Self::Bind,
        Self::Unbind,
        Self::Port,
        Self::Status,
    ];

    /// The command of that name.
    pub fn from_name(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|command| name == command.name())
    }

    /// What the user types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Version => "version",
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::List => "list",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
            Self::Port => "port",
            Self::Status => "status",
        }
    }

    /// Line in the command list; C keeps `help` and `version` out of it and knows no `status`.
    const fn summary(self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Status => None,
            Self::Attach => Some("Attach a remote USB device"),
            Self::Detach => Some("Detach a remote USB device"),
            Self::List => Some("List exportable or local USB devices"),
            Self::Bind => Some("Bind device to usbip-host.ko"),
            Self::Unbind => Some("Unbind device from usbip-host.ko"),
            Self::Port => Some("Show imported USB devices"),
        }
    }

    const fn usage(self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Port => None,
            Self::Attach => Some(attach::USAGE),
            Self::Detach => Some(detach::USAGE),
            Self::List => Some(list::USAGE),
            Self::Bind => Some(bind::USAGE),
            Self::Unbind => Some(unbind::USAGE),
            Self::Status => Some(status::USAGE),
        }
    }

    /// Command line with all options, our own included.
    pub fn cli(self) -> Option<clap::Command> {
        match self {
            Self::Help | Self::Version => None,
            Self::Attach => Some(attach::cli()),
            Self::Detach => Some(detach::cli()),
            Self::List => Some(list::cli()),
            Self::Bind => Some(bind::cli()),
            Self::Unbind => Some(unbind::cli()),
            Self::Port => Some(imported::cli()),
            Self::Status => Some(status::cli()),
        }
    }

    /// All commands.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }

    /// Runs the command with the arguments after its name.
    ///
    /// # Errors
    /// When the command failed or its arguments are wrong.
    pub fn run(
        self,
        environment: &Environment,
        args: &[OsString],
        out: &mut dyn Write,
    ) -> Result<(), Reported> {
        if let (true, Some(cli)) = (args.first().is_some_and(|arg| arg == "--help"), self.cli()) {
            let mut cli = cli.bin_name(format!("usbip {}", self.name()));
            return Ok(write!(out, "{}", cli.render_help())?);
        }
        let done = match self {
            Self::Help => return help(args, out),
            Self::Version => return Ok(writeln!(out, "{VERSION}")?),
            Self::Port => imported::run(environment, args, out),
            Self::Status => status::run(environment, args, out),
            Self::Attach => attach::run(environment, args, out),
            Self::Detach => detach::run(environment, args),
            Self::List => list::run(environment, args, out),
            Self::Bind => bind::run(environment, args),
            Self::Unbind => unbind::run(environment, args),
        };
        done.or_else(|refusal| match refusal {
            Refusal::BadArguments(reason) => self.misused(reason, args, out),
            Refusal::Failed(reported) => self.answer_failure(reported, args, out),
            Refusal::Answered(reported) => Err(reported),
        })
    }

    /// Wrong arguments: the usage text as in C, or what `--json` asks for.
    fn misused(
        self,
        reason: Option<String>,
        args: &[OsString],
        out: &mut dyn Write,
    ) -> Result<(), Reported> {
        let next = format!("see \"usbip {} --help\"", self.name());
        let reason = reason.unwrap_or_else(|| "an option is missing or unknown".to_owned());
        let reported = Reported {
            message: "wrong arguments".to_owned(),
            cause: Some(Cause::new(Kind::Usage, reason, next)),
        };
        if args.iter().any(|arg| arg == "--json") {
            return self.answer_failure(reported, args, out);
        }
        self.write_usage(out)?;
        // The text above says nothing of our own options.
        match self.cli().is_some_and(|cli| options::has_own(&cli, args)) {
            true => Err(reported),
            false => Err(Reported::silent()),
        }
    }

    /// A failure before the command could answer `--json` itself.
    fn answer_failure(
        self,
        reported: Reported,
        args: &[OsString],
        out: &mut dyn Write,
    ) -> Result<(), Reported> {
        if args.iter().any(|arg| arg == "--json") {
            answer::write_line(out, self.name(), &mut Answer::default(), Some(&reported))?;
        }
        Err(reported)
    }

    fn write_usage(self, out: &mut dyn Write) -> io::Result<()> {
        match self.usage() {
            Some(usage) => write!(out, "usage: {usage}"),
            None => write_help(out),
        }
    }
}

/// Why a command that takes arguments ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its arguments are wrong or incomplete; its usage text is due, and the reason where C has
    /// no say.
    BadArguments(Option<String>),
    /// It failed; told.
    Failed(Reported),
    /// It failed, and `--json` has its answer.
    Answered(Reported),
}

impl Refusal {
    /// Wrong arguments, for that reason.
    pub fn usage(reason: impl Into<String>) -> Self {
        Self::BadArguments(Some(reason.into()))
    }
}

impl From<clap::Error> for Refusal {
    /// What clap says in its first line.
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default();
        Self::usage(line.strip_prefix("error: ").unwrap_or(line))
    }
}

impl From<Reported> for Refusal {
    fn from(reported: Reported) -> Self {
        Self::Failed(reported)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What a command that takes arguments comes to.
pub type Outcome = Result<(), Refusal>;

/// The full help text.
///
/// # Errors
/// Those of writing it.
pub fn write_help(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "usage: {GLOBAL_USAGE}")?;
    for command in Command::ALL {
        if let Some(summary) = command.summary() {
            writeln!(out, "  {:<10} {summary}", command.name())?;
        }
    }
    writeln!(out)
}

fn help(args: &[OsString], out: &mut dyn Write) -> Result<(), Reported> {
    let usage = |name: &OsString| Command::from_name(name).and_then(Command::usage);
    match args.first().map(usage) {
        Some(Some(usage)) => write!(out, "usage: {usage}")?,
        Some(None) => {
            write_help(out)?;
            return Err(Reported::silent());
        }
        None => write_help(out)?,
    }
    Ok(())
}
