// SPDX-License-Identifier: GPL-2.0

//! Option parsing that accepts what `getopt_long` accepts.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// A parser for these options. Long names may be shortened, the last of several equal options
/// counts, other arguments are ignored, and nothing is ever printed.
pub fn parser(options: impl IntoIterator<Item = Arg>) -> Command {
    bare_parser(options).arg(
        Arg::new("ignored")
            .num_args(0..)
            .value_parser(ValueParser::os_string()),
    )
}

/// The same without a rule for arguments that are no options.
pub fn bare_parser(options: impl IntoIterator<Item = Arg>) -> Command {
    Command::new("usbip")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .infer_long_args(true)
        .args_override_self(true)
        .args(options)
}

/// An option without a value.
pub fn flag(name: &'static str, short: char) -> Arg {
    Arg::new(name)
        .long(name)
        .short(short)
        .action(ArgAction::SetTrue)
}

/// An option with a value, which may look like an option.
pub fn value(name: &'static str, short: char) -> Arg {
    Arg::new(name)
        .long(name)
        .short(short)
        .action(ArgAction::Set)
        .allow_hyphen_values(true)
        .value_parser(ValueParser::os_string())
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

/// Reads arguments up to the first option out of `acting` and no further, because C acts on it at
/// once: what follows is not even checked. `None` when there is no such option or when something
/// before it is wrong.
pub fn first_acting<'a>(
    parser: &Command,
    args: &[OsString],
    acting: &[&'a str],
) -> Option<(&'a str, ArgMatches)> {
    (1..=args.len()).find_map(|count| {
        let read = args.iter().take(count);
        let matches = parser.clone().try_get_matches_from(read).ok()?;
        let first = acting
            .iter()
            .filter_map(|name| Some((position(&matches, name)?, *name)))
            .min()?;
        Some((first.1, matches))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(args: &[&str]) -> Option<(&'static str, bool, Option<String>)> {
        let parser = parser([
            flag("parsable", 'p'),
            value("remote", 'r'),
            flag("local", 'l'),
        ]);
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        let (name, matches) = first_acting(&parser, &args, &["remote", "local"])?;
        let parsable = position(&matches, "parsable") < position(&matches, name)
            && position(&matches, "parsable").is_some();
        Some((name, parsable, text(&matches, "remote")))
    }

    #[test]
    fn later_options_are_not_read() {
        assert_eq!(first(&["-l", "--bogus"]), Some(("local", false, None)));
        assert_eq!(first(&["-l", "-p"]), Some(("local", false, None)));
        assert_eq!(first(&["-lp"]), Some(("local", false, None)));
        assert_eq!(first(&["-p", "-l"]), Some(("local", true, None)));
        assert_eq!(first(&["-pl"]), Some(("local", true, None)));
        assert_eq!(first(&["--bogus", "-l"]), None);
        assert_eq!(first(&["-p"]), None);
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn values_come_attached_or_apart() {
        let host = Some(("remote", false, Some("h".to_owned())));
        for args in [
            &["-r", "h"][..],
            &["-rh"],
            &["--remote=h"],
            &["--rem", "h", "-l"],
        ] {
            assert_eq!(first(args), host, "{args:?}");
        }
        let dash = Some(("remote", false, Some("-l".to_owned())));
        assert_eq!(first(&["-r", "-l"]), dash);
        assert_eq!(first(&["-r"]), None);
        assert_eq!(first(&["x", "-r", "h"]), host);
        assert_eq!(first(&["--", "-l"]), None);
    }
}
