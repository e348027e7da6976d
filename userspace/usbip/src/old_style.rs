// SPDX-License-Identifier: GPL-2.0

//! Command lines of usbip-utils 0.1, in which options were what commands are today.
//!
//! `-d` and `-l` mean something else now, so a line is read in this way only when it makes no sense
//! in the new one: its first argument that is no option is not a command.

use std::ffi::{OsStr, OsString};

use clap::ArgMatches;

use crate::options::{command, position, IGNORED};

/// A translated command line.
#[derive(Debug, PartialEq, Eq)]
pub struct OldStyle {
    /// Whether to tell what happens.
    pub debug: bool,
    /// The same in commands of today.
    pub commands: Vec<Vec<OsString>>,
}

/// Long and short names of what takes the place of a command (`src/usbip.c` of 0.1.8). Operands
/// follow the options.
const ACTIONS: [(&str, char); 5] = [
    ("attach", 'a'),
    ("attachall", 'x'),
    ("detach", 'd'),
    ("list", 'l'),
    ("port", 'p'),
];

/// The commands an old command line stands for; `None` when it is none, or lacks its operands.
pub fn translate(args: &[OsString]) -> Option<OldStyle> {
    let options = ACTIONS.into_iter().chain([("debug", 'D')]);
    let flags = options.map(|(name, short)| {
        let flag = clap::Arg::new(name).long(name).short(short);
        flag.action(clap::ArgAction::SetTrue)
    });
    let parser = command("usbip", "", flags);
    let matches = parser.try_get_matches_from(args).ok()?;
    let given = |(name, _): &(&'static str, char)| position(&matches, name).is_some();
    let mut actions = ACTIONS.into_iter().filter(given);
    let (action, None) = (actions.next()?, actions.next()) else {
        return None;
    };
    Some(OldStyle {
        debug: matches.get_flag("debug"),
        commands: commands(action.0, &operands(&matches))?,
    })
}

fn operands(matches: &ArgMatches) -> Vec<OsString> {
    let operands = matches.get_many::<OsString>(IGNORED);
    operands.unwrap_or_default().cloned().collect()
}

fn commands(action: &str, operands: &[OsString]) -> Option<Vec<Vec<OsString>>> {
    let each = |words: &[&str], last: &[&str]| {
        let line = |operand: &OsString| {
            let words = words.iter().copied().map(OsString::from);
            let last = last.iter().copied().map(OsString::from);
            words.chain([operand.clone()]).chain(last).collect()
        };
        (!operands.is_empty()).then(|| operands.iter().map(line).collect())
    };
    match (action, operands) {
        ("attach", [host, busid]) => {
            let words: [&OsStr; 5] = ["attach".as_ref(), "-r".as_ref(), host, "-b".as_ref(), busid];
            Some(vec![words.map(OsStr::to_owned).into()])
        }
        ("attachall", _) => each(&["attach", "-r"], &["--all"]),
        ("detach", _) => each(&["detach", "-p"], &[]),
        ("list", _) => each(&["list", "-r"], &[]),
        ("port", []) => Some(vec![vec!["port".into()]]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(args: &[&str]) -> Option<Vec<String>> {
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        let old = translate(&args)?;
        let line = |words: Vec<OsString>| words.join(OsStr::new(" ")).into_string().unwrap();
        Some(old.commands.into_iter().map(line).collect())
    }

    #[test]
    fn old_lines_mean_what_they_meant() {
        for (old, new) in [
            (&["-l", "h"][..], &["list -r h"][..]),
            (&["--list", "h", "i"], &["list -r h", "list -r i"]),
            (&["-a", "h", "1-2"], &["attach -r h -b 1-2"]),
            (&["--attach", "h", "1-2"], &["attach -r h -b 1-2"]),
            (&["-x", "h"], &["attach -r h --all"]),
            (&["--attachall", "h"], &["attach -r h --all"]),
            (&["-d", "0", "1"], &["detach -p 0", "detach -p 1"]),
            (&["-D", "-p"], &["port"]),
            (&["--port"], &["port"]),
        ] {
            let new: Vec<_> = new.iter().map(ToString::to_string).collect();
            assert_eq!(lines(old), Some(new), "{old:?}");
        }
    }

    #[test]
    fn other_lines_are_left_alone() {
        for other in [
            &[][..],
            &["-l"],
            &["-x"],
            &["-a", "h"],
            &["-p", "0"],
            &["-l", "-p", "h"],
            &["-D"],
            &["-t", "1", "-l", "h"],
            &["--bogus", "-p"],
        ] {
            assert_eq!(lines(other), None, "{other:?}");
        }
    }
}
