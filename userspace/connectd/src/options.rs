// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{value_parser, Arg, ArgAction, Command};

/// Configuration file unless told otherwise.
const CONFIG: &str = "/etc/usbip/connect.toml";

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Keep devices attached.
    Serve,
    /// Have the running service keep a device again that was detached.
    Resume(String),
    /// Give devices back because the machine is about to sleep.
    Sleep,
    /// Attach them again.
    Wake,
}

/// The options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub action: Action,
    /// Configuration file.
    pub config: PathBuf,
    /// Whether to print debug lines.
    pub debug: bool,
}

impl Options {
    /// Parses the arguments, program name first; ends the process when they are wrong or ask for
    /// help.
    pub fn parse(args: Vec<OsString>) -> Self {
        let mut matches = command_line().get_matches_from(args);
        Self {
            action: match matches.remove_one("resume") {
                Some(name) => Action::Resume(name),
                None if matches.get_flag("sleep") => Action::Sleep,
                None if matches.get_flag("wake") => Action::Wake,
                None => Action::Serve,
            },
            config: matches
                .remove_one("config")
                .unwrap_or_else(|| CONFIG.into()),
            debug: matches.get_flag("debug"),
        }
    }
}

/// The options as clap knows them; the manual page and the completions are made from this.
pub fn command_line() -> Command {
    Command::new("usbip-connectd")
        .about("Keep remote USB devices attached")
        .version(env!("CARGO_PKG_VERSION"))
        .args([
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .default_value(CONFIG)
                .help("Read the wanted devices from FILE"),
            Arg::new("resume")
                .long("resume")
                .value_name("NAME")
                .help("Attach the wanted device NAME again after it was detached"),
            Arg::new("sleep")
                .long("sleep")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["resume", "wake"])
                .help("Give back what is not in use until --wake: the machine is about to sleep"),
            Arg::new("wake")
                .long("wake")
                .action(ArgAction::SetTrue)
                .conflicts_with("resume")
                .help("Attach again what --sleep gave back"),
            Arg::new("debug")
                .long("debug")
                .short('d')
                .action(ArgAction::SetTrue)
                .help("Print debugging information"),
        ])
}
