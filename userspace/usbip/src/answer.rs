// SPDX-License-Identifier: GPL-2.0

//! Answers to `--json`: one object on one line. `JSON.md` describes them.

use std::io::{self, Write};

use serde::Serialize;

use crate::attached_port::AttachedPort;
use crate::cause::Kind;
use crate::command::{Outcome, Refusal};
use crate::local_device::LocalDevice;
use crate::remote_device::RemoteDevice;
use crate::report::Reported;
use crate::service_state::ServiceState;

/// Version of all answers. Fields may be added within a version; readers ignore what they do not
/// know.
pub const SCHEMA: &str = "usbip/1";

/// What a command answers. Parts that do not belong to the command are left out.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// Devices of this machine, or of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Devices>,
    /// Ports with imported devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<AttachedPort>>,
    /// Drivers of both roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Drivers>,
    /// What the services keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<ServiceState>>,
    /// Why the command failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// A list of devices.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Devices {
    /// Of this machine.
    Local(Vec<LocalDevice>),
    /// Of a server.
    Remote(Vec<RemoteDevice>),
}

/// Which drivers are there.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drivers {
    /// The server's: `usbip-host`.
    pub host: bool,
    /// The client's: `vhci_hcd`.
    pub vhci: bool,
}

/// A failed command.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The line that went to standard error.
    message: String,
    /// What kind of thing went wrong, if that is known.
    kind: Option<Kind>,
    /// What exactly.
    detail: Option<String>,
    /// What to do about it.
    next: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    schema: &'static str,
    command: &'a str,
    #[serde(flatten)]
    answer: &'a Answer,
}

impl From<&Reported> for Failure {
    fn from(reported: &Reported) -> Self {
        let cause = reported.cause.as_ref();
        Self {
            message: reported.message.clone(),
            kind: cause.map(|cause| cause.kind),
            detail: cause.map(|cause| cause.detail.clone()),
            next: cause.map(|cause| cause.next.clone()),
        }
    }
}

/// Writes the answer of a command, and hands its failure on.
///
/// # Errors
/// `failure`, or that of writing.
pub fn write(
    out: &mut dyn Write,
    command: &str,
    mut answer: Answer,
    failure: Option<Reported>,
) -> Outcome {
    write_line(out, command, &mut answer, failure.as_ref())?;
    failure.map_or(Ok(()), |reported| Err(Refusal::Answered(reported)))
}

/// Writes an answer.
///
/// # Errors
/// That of writing.
pub fn write_line(
    out: &mut dyn Write,
    command: &str,
    answer: &mut Answer,
    failure: Option<&Reported>,
) -> io::Result<()> {
    answer.error = failure.map(Failure::from);
    let envelope = Envelope {
        schema: SCHEMA,
        command,
        answer,
    };
    serde_json::to_writer(&mut *out, &envelope)?;
    writeln!(out)
}
