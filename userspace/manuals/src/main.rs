// SPDX-License-Identifier: GPL-2.0

//! Writes the manual pages and shell completions of the tools into a directory, from the very
//! option tables the tools parse their command lines with. `make install` runs it.

#![forbid(unsafe_code)]

mod sections;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use sections::after_options;

/// Manual section of commands for the administrator.
const SECTION: &str = "8";

/// Shells people use.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: usbip-manuals DIRECTORY");
        return ExitCode::FAILURE;
    };
    match write_all(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("usbip-manuals: {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write_all(directory: &Path) -> io::Result<()> {
    let manuals = directory.join("man");
    let completions = directory.join("completions");
    for place in [&manuals, &completions] {
        fs::create_dir_all(place)?;
    }
    for command in [
        usbip::command_line(),
        usbipd::command_line(),
        usbip_connectd::command_line(),
    ] {
        let name = command.get_name();
        write_manuals(&command, name, name, &manuals)?;
        write_completions(command, &completions)?;
    }
    Ok(())
}

/// A page for the program and one for each of its commands: `usbip-attach.8` for `usbip attach`.
fn write_manuals(command: &Command, name: &str, typed: &str, directory: &Path) -> io::Result<()> {
    let mut page = Vec::new();
    let names = command.clone().display_name(name.to_owned());
    Man::new(names.bin_name(typed.to_owned()))
        .title(name)
        .section(SECTION)
        .source("usbip-rs")
        .render(&mut page)?;
    page.extend(after_options(name).into_bytes());
    fs::write(directory.join(format!("{name}.{SECTION}")), page)?;
    for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
        let part_name = part.get_name();
        let (name, typed) = (
            format!("{name}-{part_name}"),
            format!("{typed} {part_name}"),
        );
        write_manuals(part, &name, &typed, directory)?;
    }
    Ok(())
}

fn write_completions(command: Command, directory: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command.clone(), &name, directory)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_its_pages_and_completions() {
        let dir = tempfile::tempdir().unwrap();
        write_all(dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(read("man/usbipd.8").contains("listen"));
        assert!(read("man/usbip-connectd.8").contains("resume"));
        assert!(read("man/usbip.8").contains("attach"));
        let attach = read("man/usbip-attach.8");
        assert!(attach.contains("remote") && attach.contains("\\fBusbip attach\\fR"));
        for name in [
            "usbip.bash",
            "_usbip",
            "usbip.fish",
            "usbipd.bash",
            "usbip-connectd.bash",
        ] {
            assert!(!read(&format!("completions/{name}")).is_empty(), "{name}");
        }
    }
}
