// SPDX-License-Identifier: GPL-2.0

//! The command line before the command.

use std::ffi::OsString;
use std::io::Write;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction};
use log::debug;
use usbip_net::TcpPort;

use crate::command::{self, Command};
use crate::environment::Environment;
use crate::old_style;
use crate::options::{bare_command, flag, value};
use crate::report::{Reported, USBIP};

/// Global options and what follows them.
#[derive(Debug)]
pub struct Invocation {
    debug: bool,
    syslog: bool,
    tcp_ports: Vec<String>,
    /// Commands with their arguments; more than one only in the old style.
    commands: Vec<Vec<OsString>>,
}

fn global_options() -> [Arg; 3] {
    [
        flag("debug", 'd', "Tell what happens"),
        flag("log", 'l', "Send messages to syslog, too"),
        value("tcp-port", 't', "PORT", "TCP port of the server (3240)").action(ArgAction::Append),
    ]
}

/// All commands and options.
pub fn cli() -> clap::Command {
    let about = "Use USB devices of other machines, and export those of this one";
    bare_command("usbip", about, global_options())
        .subcommand_required(true)
        .subcommands(Command::all().filter_map(Command::cli))
        .subcommand(clap::Command::new("version").about("Show the version"))
        .disable_help_subcommand(true)
}

impl Invocation {
    /// Parses up to the first argument that is no option; `None` when an option is wrong. Lines
    /// that usbip-utils 2.0 refuses may be in the style of 0.1.
    pub fn parse(args: &[OsString]) -> Option<Self> {
        let modern = Self::parse_modern(args);
        if modern.as_ref().is_some_and(Self::is_known) {
            return modern;
        }
        match old_style::translate(args) {
            Some(old) => Some(Self {
                debug: old.debug,
                syslog: false,
                tcp_ports: Vec::new(),
                commands: old.commands,
            }),
            None => modern,
        }
    }

    fn parse_modern(args: &[OsString]) -> Option<Self> {
        let rest = Arg::new("rest")
            .num_args(0..)
            .trailing_var_arg(true)
            .value_parser(ValueParser::os_string());
        let parser = bare_command("usbip", "", global_options()).arg(rest);
        let matches = parser.try_get_matches_from(args).ok()?;
        let values = |name| matches.get_many::<OsString>(name).unwrap_or_default();
        Some(Self {
            debug: matches.get_flag("debug"),
            syslog: matches.get_flag("log"),
            tcp_ports: values("tcp-port")
                .map(|port| port.to_string_lossy().into_owned())
                .collect(),
            commands: vec![values("rest").cloned().collect()],
        })
    }

    fn is_known(&self) -> bool {
        let mut names = self.commands.iter().map(|command| command.first());
        names.all(|name| name.is_some_and(|name| Command::from_name(name).is_some()))
    }

    /// Runs the command.
    ///
    /// # Errors
    /// When the command fails, or there is no such command.
    pub fn execute(&self, out: &mut dyn Write) -> Result<(), Reported> {
        usbip_logger::init(self.debug);
        if self.syslog {
            usbip_logger::add_syslog();
        }
        let environment = Environment::new(self.tcp_port());
        self.commands
            .iter()
            .try_for_each(|command| run(&environment, command, out))
    }

    /// The last port that makes sense; every other one is told and passed over.
    fn tcp_port(&self) -> TcpPort {
        TcpPort::choose(&self.tcp_ports, USBIP)
    }
}

fn run(
    environment: &Environment,
    command: &[OsString],
    out: &mut dyn Write,
) -> Result<(), Reported> {
    let (name, args) = command.split_first().unzip();
    match name.and_then(|name| Command::from_name(name)) {
        Some(command) => {
            debug!(target: USBIP, "running command: `{}'", command.name());
            command.run(environment, args.unwrap_or_default(), out)
        }
        None => {
            command::write_help(out)?;
            Err(Reported::silent())
        }
    }
}
