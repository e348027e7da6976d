// SPDX-License-Identifier: GPL-2.0

//! `usbip list`: show local or remote devices.

mod gadgets;
mod local;
mod remote;

use std::ffi::OsString;
use std::io::Write;

use crate::command::{BadArguments, Outcome};
use crate::environment::Environment;
use crate::options::{first_acting, flag, parser, position, text, value};

/// Usage text.
pub const USAGE: &str = "usbip list [-p|--parsable] <args>
    -p, --parsable         Parsable list format
    -r, --remote=<host>    List the exportable USB devices on <host>
    -l, --local            List the local USB devices
    -d, --device           List the local USB gadgets bound to usbip-vudc
";

/// How local devices are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Plain,
    /// For scripts.
    Parsable,
}

/// Runs the command.
pub fn run(environment: &Environment, args: &[OsString], out: &mut dyn Write) -> Outcome {
    let parser = parser([
        flag("parsable", 'p'),
        value("remote", 'r'),
        flag("local", 'l'),
        flag("device", 'd'),
    ]);
    let acting = ["remote", "local", "device"];
    let (name, matches) = first_acting(&parser, args, &acting).ok_or(BadArguments)?;
    // `-p` counts only before the option that acts.
    let format = match position(&matches, "parsable") {
        Some(parsable) if Some(parsable) < position(&matches, name) => Format::Parsable,
        _ => Format::Plain,
    };
    Ok(match text(&matches, "remote") {
        Some(host) if name == "remote" => remote::list(environment, &host, out),
        _ if name == "local" => local::list(environment, format, out),
        _ => gadgets::list(environment, format, out),
    })
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
    match format {
        Format::Parsable => writeln!(out, "busid={busid}#usbid={vendor}:{product}#"),
        Format::Plain => {
            write!(out, " - busid {busid} ({vendor}:{product})\n   ")?;
            out.write_all(&name())?;
            write!(out, "\n\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_do_not_reach_the_terminal() {
        assert_eq!(printable(b"/sys/\x1b[2J\xff"), "/sys/?[2J\u{fffd}");
    }
}
