// SPDX-License-Identifier: GPL-2.0

//! `usbip list`: show local or remote devices.

mod gadgets;
mod local;
mod remote;

use std::ffi::OsString;
use std::io::Write;

use crate::choice;
use crate::command::{Outcome, Refusal};
use crate::environment::Environment;
use crate::options::{command, flag, json, position, read, remote, text};

/// Usage text.
pub const USAGE: &str = "usbip list [-p|--parsable] <args>
    -p, --parsable         Parsable list format
    -r, --remote=<host>    List the exportable USB devices on <host>
    -l, --local            List the local USB devices
    -d, --device           List the local USB gadgets bound to usbip-vudc
";

/// How devices are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Plain,
    /// For scripts written for usbip-utils.
    Parsable,
    /// For programs.
    Json,
}

/// The command line.
pub fn cli() -> clap::Command {
    let options = [
        flag("parsable", 'p', "One line for each device"),
        remote("What another machine exports"),
        flag("local", 'l', "What this machine could export"),
        flag("device", 'd', "Gadgets of this machine (usbip-vudc)"),
        json(),
    ];
    command("list", "List USB devices", options).args(choice::options())
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString], out: &mut dyn Write) -> Outcome {
    let acting = ["remote", "local", "device"];
    let (name, matches) = read(&cli(), args, &acting)?;
    let missing = || Refusal::usage("--local, --remote or --device is missing");
    let name = name.ok_or_else(missing)?;
    let selector = choice::selector(&matches)?;
    // `-p` counts only before the option that acts.
    let format = match position(&matches, "parsable") {
        _ if matches.get_flag("json") => Format::Json,
        Some(parsable) if Some(parsable) < position(&matches, name) => Format::Parsable,
        _ => Format::Plain,
    };
    if name == "device" && (format == Format::Json || selector.is_some()) {
        return Err(Refusal::usage(
            "--device lists all gadgets, and not in JSON",
        ));
    }
    let selector = selector.unwrap_or_default();
    environment.names.announce();
    match text(&matches, "remote") {
        Some(host) if name == "remote" => remote::list(environment, &host, format, &selector, out),
        _ if name == "local" => local::list(environment, format, &selector, out),
        _ => Ok(gadgets::list(environment, format, out)?),
    }
}

/// Makes bytes from a peer safe to print: no control characters, always valid text.
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.replace(|letter: char| letter.is_control(), "?")
}

/// One device as local lists show it.
fn write_device(
    out: &mut dyn Write,
    format: Format,
    busid: &str,
    ids: [&str; 2],
    name: impl FnOnce() -> Vec<u8>,
) -> std::io::Result<()> {
    let [vendor, product] = ids.map(|id| id.get(..4).unwrap_or(id));
    if format == Format::Parsable {
        return writeln!(out, "busid={busid}#usbid={vendor}:{product}#");
    }
    write!(out, " - busid {busid} ({vendor}:{product})\n   ")?;
    out.write_all(&name())?;
    write!(out, "\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_do_not_reach_the_terminal() {
        assert_eq!(printable(b"/sys/\x1b[2J\xff"), "/sys/?[2J\u{fffd}");
    }
}
