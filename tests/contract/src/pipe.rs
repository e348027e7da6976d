// SPDX-License-Identifier: GPL-2.0

//! Transfers on an imported device, as a user-space driver makes them.

use crate::import::Import;
use crate::limit::{self, SOON};
use crate::pdu;
use crate::scripted::{BULK_IN, BULK_OUT};
use nusb::transfer::{Buffer, Bulk, Completion, EndpointDirection, In, Out, TransferError};
use nusb::{Endpoint, ErrorKind, Interface};
use std::io;
use std::thread::{self, JoinHandle};

/// Bytes in a packet of a high-speed device; what is asked for comes in multiples of it.
pub const PACKET: usize = 512;

/// A bulk endpoint of an imported device.
pub struct Pipe<D: EndpointDirection>(Endpoint<Bulk, D>);

impl Pipe<In> {
    /// The IN endpoint.
    pub fn input(interface: &Interface) -> io::Result<Self> {
        Self::at(interface, BULK_IN)
    }

    /// Asks for bytes.
    pub fn ask(&mut self, length: usize) {
        self.0.submit(Buffer::new(length));
    }
}

impl Pipe<Out> {
    /// The OUT endpoint.
    pub fn output(interface: &Interface) -> io::Result<Self> {
        Self::at(interface, BULK_OUT)
    }

    /// The OUT endpoint, with more to send than the server reads, so that the sender is stuck.
    pub fn stuck(import: &Import, interface: &Interface) -> io::Result<Self> {
        let mut pipe = Self::output(interface)?;
        import.server.pause();
        for _ in 0..8 {
            pipe.put(vec![9; 500_000]);
        }
        limit::settle();
        Ok(pipe)
    }

    /// Sends bytes.
    pub fn put(&mut self, bytes: Vec<u8>) {
        self.0.submit(Buffer::from(bytes));
    }
}

impl<D: EndpointDirection + 'static> Pipe<D> {
    /// The bulk endpoint with that address.
    pub fn at(interface: &Interface, address: u8) -> io::Result<Self> {
        let mut endpoint = interface.endpoint(address);
        // nusb lets go of an endpoint a moment after the last transfer there is seen to have ended.
        limit::wait_until(|| {
            let is_busy = matches!(&endpoint, Err(error) if error.kind() == ErrorKind::Busy);
            if is_busy {
                endpoint = interface.endpoint(address);
            }
            !is_busy
        });
        Ok(Self(endpoint?))
    }

    /// How the next transfer that is to end does.
    pub fn result(&mut self) -> String {
        match self.0.wait_next_complete(limit::stretched(SOON)) {
            Some(completion) => describe(&completion),
            None => "pending".to_owned(),
        }
    }

    /// Cancels all transfers, which blocks until the server has a say.
    pub fn cancel(mut self) -> JoinHandle<Self> {
        thread::spawn(move || {
            self.0.cancel_all();
            self
        })
    }
}

/// The pipe and how its transfer ended, once a cancellation is through.
pub fn cancelled<D: EndpointDirection + 'static>(waiting: JoinHandle<Pipe<D>>) -> String {
    match waiting.join() {
        Ok(mut pipe) => pipe.result(),
        Err(_) => "panic".to_owned(),
    }
}

fn describe(completion: &Completion) -> String {
    let status = match completion.status {
        Ok(()) => "ok".to_owned(),
        Err(TransferError::Cancelled) => "cancelled".to_owned(),
        Err(TransferError::Stall) => "stall".to_owned(),
        Err(TransferError::Disconnected) => "disconnected".to_owned(),
        Err(TransferError::Fault) => "fault".to_owned(),
        Err(TransferError::InvalidArgument) => "invalid".to_owned(),
        Err(TransferError::Unknown(number)) => {
            crate::errno::name(i32::try_from(number).unwrap_or_default())
        }
    };
    let length = completion.actual_len;
    let data = completion.buffer.get(..length).unwrap_or_default();
    match data {
        [] => format!("{status} {length}"),
        _ => format!("{status} {length} {}", pdu::summary(data)),
    }
}

/// Whether an imported device still works: another transfer goes through. Otherwise what has
/// become of its port.
pub fn liveness(import: &Import, interface: &Interface) -> String {
    let Ok(mut pipe) = Pipe::input(interface) else {
        return import.fate();
    };
    // Two packets are one of a SuperSpeed device.
    pipe.ask(2 * PACKET);
    let request = import.server.next();
    let answered = request.and_then(|request| import.server.reply(&request, 0, b"alive"));
    if answered.is_ok() && pipe.result() == "ok 5 616c697665" {
        return "alive".to_owned();
    }
    let fate = import.fate();
    // Not before: C may hang for good when a transfer is cancelled while the connection ends.
    drop(pipe);
    fate
}
