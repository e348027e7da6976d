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
use crate::options::{bare_parser, flag, value};
use crate::report::{Reported, USBIP};

/// Global options and what follows them.
#[derive(Debug)]
pub struct Invocation {
    debug: bool,
    syslog: bool,
    tcp_ports: Vec<String>,
    rest: Vec<OsString>,
}

impl Invocation {
    /// Parses up to the first argument that is no option; `None` when an option is wrong.
    pub fn parse(args: &[OsString]) -> Option<Self> {
        let rest = Arg::new("rest")
            .num_args(0..)
            .trailing_var_arg(true)
            .value_parser(ValueParser::os_string());
        let matches = bare_parser([
            flag("debug", 'd'),
            flag("log", 'l'),
            value("tcp-port", 't').action(ArgAction::Append),
            rest,
        ])
        .try_get_matches_from(args)
        .ok()?;
        let values = |name| matches.get_many::<OsString>(name).unwrap_or_default();
        Some(Self {
            debug: matches.get_flag("debug"),
            syslog: matches.get_flag("log"),
            tcp_ports: values("tcp-port")
                .map(|port| port.to_string_lossy().into_owned())
                .collect(),
            rest: values("rest").cloned().collect(),
        })
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
        let (name, args) = self.rest.split_first().unzip();
        match name.and_then(|name| Command::from_name(name)) {
            Some(command) => {
                debug!(target: USBIP, "running command: `{}'", command.name());
                command.run(&environment, args.unwrap_or_default(), out)
            }
            None => {
                command::write_help(out)?;
                Err(Reported)
            }
        }
    }

    /// The last port that makes sense; every other one is told and passed over.
    fn tcp_port(&self) -> TcpPort {
        TcpPort::choose(&self.tcp_ports, USBIP)
    }
}
