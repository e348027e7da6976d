// SPDX-License-Identifier: GPL-2.0

//! Option parsing that accepts what `getopt_long` accepts, and our own options beside it.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::command::Refusal;

/// Arguments that are no options.
pub const IGNORED: &str = "ignored";

/// A command with these options. The last of several equal options counts, other arguments are
/// ignored, and nothing is ever printed.
pub fn command(
    name: &'static str,
    about: &'static str,
    options: impl IntoIterator<Item = Arg>,
) -> Command {
    bare_command(name, about, options).arg(
        Arg::new(IGNORED)
            .num_args(0..)
            .hide(true)
            .value_parser(ValueParser::os_string()),
    )
}

/// The same without a rule for arguments that are no options.
pub fn bare_command(
    name: &'static str,
    about: &'static str,
    options: impl IntoIterator<Item = Arg>,
) -> Command {
    Command::new(name)
        .about(about)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args(options)
}

/// An option of C without a value.
pub fn flag(name: &'static str, short: char, help: &'static str) -> Arg {
    own_flag(name, help)
        .short(short)
        .aliases(abbreviations(name))
}

/// An option of C with a value, which may look like an option.
pub fn value(name: &'static str, short: char, shown: &'static str, help: &'static str) -> Arg {
    own_value(name, shown, help)
        .short(short)
        .aliases(abbreviations(name))
}

/// An option without a value that C does not have.
pub fn own_flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

/// An option with a value that C does not have.
pub fn own_value(name: &'static str, shown: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::Set)
        .value_name(shown)
        .help(help)
        .allow_hyphen_values(true)
        .value_parser(ValueParser::os_string())
}

/// Answers in JSON.
pub fn json() -> Arg {
    own_flag(
        "json",
        "Answer with one JSON object (JSON.md in the documentation of usbip-rs has its fields)",
    )
}

/// The server; `help` is what for.
pub fn remote(help: &str) -> Arg {
    let help = format!("{help}: a name, an address, unix:/PATH or vsock:CID[:PORT]");
    value("remote", 'r', "HOST", "").help(help)
}

/// `getopt_long` takes any beginning of a name, and no two options of one command of C begin with
/// the same letter. Our own options have to be written in full.
fn abbreviations(name: &'static str) -> impl Iterator<Item = &'static str> {
    (1..name.len()).filter_map(|length| name.get(..length))
}

/// Value of an option as text, if given.
pub fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    let value = matches.get_one::<OsString>(name)?;
    Some(value.to_string_lossy().into_owned())
}

/// Position of an option on the command line, if given.
pub fn position(matches: &ArgMatches, name: &str) -> Option<usize> {
    match matches.value_source(name) {
        Some(ValueSource::CommandLine) => matches.index_of(name),
        _ => None,
    }
}

/// Reads arguments as C does, that is up to the first option out of `acting` and no further: C acts
/// on it at once, and what follows is not even checked.
///
/// With one of our own options anywhere all arguments are read and have to be right; then there
/// may be no acting option.
///
/// # Errors
/// When there is no such option, or when something before it is wrong.
pub fn read<'a>(
    command: &Command,
    args: &[OsString],
    acting: &[&'a str],
) -> Result<(Option<&'a str>, ArgMatches), Refusal> {
    let first = |matches: &ArgMatches| {
        let positions = acting
            .iter()
            .filter_map(|name| Some((position(matches, name)?, *name)));
        positions.min().map(|(_, name)| name)
    };
    if has_own(command, args) {
        let matches = read_all(command, args)?;
        return Ok((first(&matches), matches));
    }
    let acted = (1..=args.len()).find_map(|count| {
        let read = args.iter().take(count);
        let matches = command.clone().try_get_matches_from(read).ok()?;
        first(&matches).map(|name| (Some(name), matches))
    });
    acted.ok_or(Refusal::BadArguments(None))
}

/// Reads all arguments. Those that are no options count for nothing in C; beside one of our own
/// options they are a mistake: `--wait 5`.
///
/// # Errors
/// When something is wrong.
pub fn read_all(command: &Command, args: &[OsString]) -> Result<ArgMatches, Refusal> {
    let matches = command.clone().try_get_matches_from(args)?;
    let mut operands = matches.get_many::<OsString>(IGNORED).unwrap_or_default();
    match operands.next() {
        Some(operand) if has_own(command, args) => {
            let operand = operand.to_string_lossy();
            Err(Refusal::usage(format!("'{operand}' belongs to no option")))
        }
        _ => Ok(matches),
    }
}

/// Whether one of our own options is there; they are the ones without a short form.
pub fn has_own(command: &Command, args: &[OsString]) -> bool {
    let own = command
        .get_arguments()
        .filter(|arg| arg.get_short().is_none());
    let names: Vec<_> = own.filter_map(Arg::get_long).collect();
    let options = args.iter().take_while(|arg| *arg != "--");
    let mut longs = options.filter_map(|arg| arg.to_str()?.strip_prefix("--"));
    longs.any(|long| names.contains(&long.split('=').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(args: &[&str]) -> Option<(Option<&'static str>, bool, Option<String>)> {
        let command = command(
            "list",
            "",
            [
                flag("parsable", 'p', ""),
                value("remote", 'r', "HOST", ""),
                flag("local", 'l', ""),
                own_value("product", "PATTERN", ""),
            ],
        );
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        let (name, matches) = read(&command, &args, &["remote", "local"]).ok()?;
        let parsable = position(&matches, "parsable");
        let parsable =
            parsable.is_some() && parsable < name.and_then(|name| position(&matches, name));
        Some((name, parsable, text(&matches, "remote")))
    }

    #[test]
    fn later_options_are_not_read() {
        let local = |parsable| Some((Some("local"), parsable, None));
        assert_eq!(first(&["-l", "--bogus"]), local(false));
        assert_eq!(first(&["-l", "-p"]), local(false));
        assert_eq!(first(&["-lp"]), local(false));
        assert_eq!(first(&["-p", "-l"]), local(true));
        assert_eq!(first(&["-pl"]), local(true));
        assert_eq!(first(&["--p", "--l"]), local(true));
        assert_eq!(first(&["--bogus", "-l"]), None);
        assert_eq!(first(&["-p"]), None);
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn values_come_attached_or_apart() {
        let host = Some((Some("remote"), false, Some("h".to_owned())));
        for args in [
            &["-r", "h"][..],
            &["-rh"],
            &["--remote=h"],
            &["--rem", "h", "-l"],
        ] {
            assert_eq!(first(args), host, "{args:?}");
        }
        let dash = Some((Some("remote"), false, Some("-l".to_owned())));
        assert_eq!(first(&["-r", "-l"]), dash);
        assert_eq!(first(&["-r"]), None);
        assert_eq!(first(&["x", "-r", "h"]), host);
        assert_eq!(first(&["--", "-l"]), None);
    }

    #[test]
    fn own_options_have_everything_read() {
        let local = Some((Some("local"), false, None));
        assert_eq!(first(&["-l", "--product", "x"]), local);
        assert_eq!(first(&["-l", "--product=x", "--bogus"]), None);
        assert_eq!(first(&["-l", "--product=x", "y"]), None);
        assert_eq!(first(&["-l", "--product"]), None);
        assert_eq!(first(&["--product=x"]), Some((None, false, None)));
        // Our names must not make those of C ambiguous, nor be guessed.
        assert_eq!(first(&["--pro", "x", "-l"]), None);
    }
}
