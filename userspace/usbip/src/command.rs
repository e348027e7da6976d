// SPDX-License-Identifier: GPL-2.0

//! The commands: names, help texts, dispatch.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use crate::environment::Environment;
use crate::report::Reported;
use crate::{attach, bind, detach, imported, list, unbind};

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
}

impl Command {
    const ALL: [Self; 8] = [
        Self::Help,
        Self::Version,
        Self::Attach,
        Self::Detach,
        Self::List,
        Self::Bind,
        Self::Unbind,
        Self::Port,
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
        }
    }

    /// Line in the command list; C keeps `help` and `version` out of it.
    const fn summary(self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version => None,
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
        }
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
        let done = match self {
            Self::Help => return help(args, out),
            Self::Version => return Ok(writeln!(out, "{VERSION}")?),
            Self::Port => return imported::run(environment, out),
            Self::Attach => attach::run(environment, args),
            Self::Detach => detach::run(environment, args),
            Self::List => list::run(environment, args, out),
            Self::Bind => bind::run(environment, args),
            Self::Unbind => unbind::run(environment, args),
        };
        done.unwrap_or_else(|BadArguments| {
            self.write_usage(out)?;
            Err(Reported)
        })
    }

    fn write_usage(self, out: &mut dyn Write) -> io::Result<()> {
        match self.usage() {
            Some(usage) => write!(out, "usage: {usage}"),
            None => write_help(out),
        }
    }
}

/// The arguments of a command are wrong or incomplete; its usage text is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArguments;

/// What a command that takes arguments comes to.
pub type Outcome = Result<Result<(), Reported>, BadArguments>;

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
            return Err(Reported);
        }
        None => write_help(out)?,
    }
    Ok(())
}
