// SPDX-License-Identifier: GPL-2.0

//! A USB device with isochronous endpoints that exists in user space only, on a port of vhci.
//!
//! ```text
//! paced headset|camera|source-sink full|high|super PORT INPUT OUTPUT
//! ```
//!
//! PORT is a number as `attach` takes it. What the device sends is read from the file INPUT, what
//! it receives goes to the file OUTPUT; the devices' modules say in which form. Ends with the
//! import.

#![forbid(unsafe_code)]

mod camera;
mod descriptor;
mod device;
mod headset;
mod queue;
mod server;
mod source_sink;
mod speed;
mod wire;

use crate::camera::Camera;
use crate::device::Device;
use crate::headset::Headset;
use crate::server::Server;
use crate::source_sink::SourceSink;
use crate::speed::Speed;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";
/// Bus 1, device 2: what the client calls the device in its requests.
const DEVID: u32 = 0x0001_0002;
const USAGE: &str = "usage: paced headset|camera|source-sink full|high|super PORT INPUT OUTPUT";

fn device(name: &str, speed: Speed, input: &str, output: &str) -> io::Result<Box<dyn Device>> {
    let (input, output) = (fs::read(input)?, File::create(output)?);
    match name {
        "headset" => Ok(Box::new(Headset::new(speed, input, output))),
        "camera" => Ok(Box::new(Camera::new(input))),
        "source-sink" => Ok(Box::new(SourceSink::new(input, output))),
        _ => Err(io::Error::other(USAGE)),
    }
}

/// Gives the driver a socket and returns its other end.
fn attach(port: &str, speed: Speed) -> io::Result<UnixStream> {
    let (ours, drivers) = UnixStream::pair()?;
    let line = format!("{port} {} {DEVID} {}", drivers.as_raw_fd(), speed.number());
    fs::write(ATTACH, line).map_err(|error| io::Error::other(format!("attach: {error}")))?;
    Ok(ours)
}

fn run(arguments: &[String]) -> io::Result<()> {
    let [name, speed, port, input, output] = arguments else {
        return Err(io::Error::other(USAGE));
    };
    let speed = Speed::parse(speed).ok_or_else(|| io::Error::other(USAGE))?;
    let device = device(name, speed, input, output)?;
    Server::new(attach(port, speed)?, speed, device).serve()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("paced: {error}");
            ExitCode::FAILURE
        }
    }
}
