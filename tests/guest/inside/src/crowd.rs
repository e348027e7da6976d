// SPDX-License-Identifier: GPL-2.0
//! crowd: many clients ask usbipd for its list at once, and some of them say nothing.
//!
//! ```text
//! crowd ADDRESS CLIENTS SILENT COMMAND...
//! ```
//!
//! Runs COMMAND when those who asked have their answers and the silent ones are still there. Prints
//! how long that took, in milliseconds, and how many of the clients that asked got a list.

use std::env;
use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

const STACK: usize = 64 * 1024;
const REQUEST: &[u8] = b"\x01\x11\x80\x05\0\0\0\0";
const REPLY: &[u8] = b"\x01\x11\0\x05\0\0\0\0";

fn ask(address: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(REQUEST)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply.starts_with(REPLY))
}

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, clients, silent, program, rest @ ..] = args.as_slice() else {
        return Err(Error::other("usage: crowd ADDRESS CLIENTS SILENT COMMAND..."));
    };
    let number = |text: &str| text.parse::<usize>().map_err(Error::other);
    let (clients, silent) = (number(clients)?, number(silent)?);
    // First, so that they are there for all of the time.
    let kept: Result<Vec<_>> = (0..silent).map(|_| TcpStream::connect(address)).collect();
    let kept = kept?;
    let start = Barrier::new(clients - silent + 1);
    thread::scope(|scope| {
        let asking = || {
            start.wait();
            ask(address).unwrap_or(false)
        };
        let threads: Result<Vec<_>> = (silent..clients)
            .map(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, asking))
            .collect();
        let threads = threads?;
        start.wait();
        let answers = threads.into_iter().map(|thread| thread.join().unwrap_or(false));
        let answered = answers.filter(|answered| *answered).count();
        let begin = Instant::now();
        let ran = Command::new(program).args(rest).stdout(Stdio::null()).status()?;
        println!("{} {answered}", begin.elapsed().as_millis());
        drop(kept);
        match ran.success() {
            true => Ok(()),
            false => Err(Error::other("the command failed")),
        }
    })
}
