// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail, one after the other.
//!
//! ```text
//! faults PATIENCE [NAME]
//! ```
//!
//! Carries out an operation of the drivers again and again, failing the first allocation in it, then
//! only the second, and so on until a whole run goes through without a failure. After each the
//! drivers serve an honest peer. Prints a line for each operation: name, who allocates, how many
//! allocations failed, what came of it; fields are separated by tabs. PATIENCE is a factor for every
//! time limit, NAME selects operations by a part of their name. Ends with 1 and a line that says what
//! is wrong at the first surprise. Runs as root, alone on its machine, on a kernel with failslab,
//! fail_page_alloc and their stack trace filter.

#![forbid(unsafe_code)]

mod case;
mod client;
mod fault;
mod server;
mod storm;
mod wire;

use contract::kind::{Kind, Role};
use contract::limit;
use fault::Injector;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (patience, name) = match arguments.as_slice() {
        [patience] => (patience, ""),
        [patience, name] => (patience, name.as_str()),
        _ => return usage(),
    };
    let Ok(patience) = patience.parse() else {
        return usage();
    };
    limit::set_patience(patience);
    let result = run(name);
    let unloaded = Kind::Rs.unload_all();
    println!("unload\t{unloaded}");
    match result {
        Ok(()) if unloaded == "ok" => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            println!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: faults PATIENCE [NAME]");
    ExitCode::from(2)
}

fn run(name: &str) -> io::Result<()> {
    for role in [Role::Host, Role::Vhci] {
        match Kind::Rs.load(role).as_str() {
            "ok" => {}
            problem => return Err(io::Error::other(problem.to_owned())),
        }
    }
    let injector = Injector::new()?;
    case::sweep_all(&mut client::Client::new(), client::CASES, name, &injector)?;
    case::sweep_all(&mut server::Server::new()?, server::CASES, name, &injector)?;
    storm::run(name, &injector)
}
