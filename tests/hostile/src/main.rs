// SPDX-License-Identifier: GPL-2.0

//! Peers that mutate valid PDUs.
//!
//! ```text
//! hostile client|server SEED SECONDS PATIENCE [SESSION]
//! hostile resources PATIENCE
//! ```
//!
//! `client` lies to the stub, `server` to the virtual host controller. Loads the driver, runs
//! sessions for so long, or only the one with that number, and unloads the driver. PATIENCE is a
//! factor for every time limit. The last line counts what was done; the program fails with a line
//! that says what is wrong. `resources` takes what a client can get instead, and prints what that
//! costs. Runs as root, alone on its machine.

#![forbid(unsafe_code)]

mod client;
mod device;
mod exchange;
mod mutation;
mod program;
mod resource;
mod run;
mod server;

use contract::kind::{Kind, Role};
use contract::limit;
use contract::wire::Wire;
use run::{Plan, Side};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, patience] = arguments.as_slice() {
        return match patience.parse() {
            Ok(patience) if role == "resources" => resources(patience),
            _ => usage(),
        };
    }
    let Some(plan) = plan(&arguments) else {
        return usage();
    };
    let role = match plan.side {
        Side::Client => Role::Host,
        Side::Server => Role::Vhci,
    };
    // For honest peers.
    Wire::Tcp.choose();
    let loaded = Kind::Rs.load(role);
    if loaded != "ok" {
        eprintln!("hostile: the driver cannot be loaded: {loaded}");
        return ExitCode::FAILURE;
    }
    let (counts, failure) = run::run(plan);
    let unloaded = Kind::Rs.unload_all();
    println!("seed={} {counts} unload={unloaded}", plan.seed);
    match failure {
        None if unloaded == "ok" => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
        Some(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: hostile client|server SEED SECONDS PATIENCE [SESSION]");
    eprintln!("       hostile resources PATIENCE");
    ExitCode::from(2)
}

fn resources(patience: f64) -> ExitCode {
    limit::set_patience(patience);
    match resource::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Option<Plan> {
    let [side, seed, seconds, patience, only @ ..] = arguments else {
        return None;
    };
    limit::set_patience(patience.parse().ok()?);
    Some(Plan {
        side: match side.as_str() {
            "client" => Side::Client,
            "server" => Side::Server,
            _ => return None,
        },
        seed: seed.parse().ok()?,
        time: Duration::from_secs(seconds.parse().ok()?),
        only: match only {
            [] => None,
            [number] => Some(number.parse().ok()?),
            _ => return None,
        },
    })
}
