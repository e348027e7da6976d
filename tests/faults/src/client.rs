// SPDX-License-Identifier: GPL-2.0

//! Operations of the virtual host controller.

use crate::case::{Bench, Case};
use crate::fault::{Fault, Tasks};
use crate::wire;
use contract::import::Import;
use contract::limit;
use contract::scripted::{Scripted, Speed, BULK_IN, BULK_OUT, INTERRUPT_IN, ISO_IN};
use contract::server::Server;
use contract::usbfs::Node;
use contract::vhci::{Vhci, FREE};
use nusb::transfer::{
    Buffer, Bulk, BulkOrInterrupt, ControlIn, ControlType, EndpointDirection, In, Interrupt, Out,
    Recipient, TransferError,
};
use nusb::{Endpoint, Interface, MaybeFuture};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

/// The port that is used.
const PORT: u32 = 0;
/// How long a device that may never work is waited for.
const ENUMERATION: Duration = Duration::from_secs(2);
/// How long a transfer may take, which is more than a server that does not answer is given.
const TRANSFER: Duration = Duration::from_secs(45);
/// Bytes of a transfer that takes several pages.
const LARGE: usize = 32 * 1024;
const QUEUE: usize = 48;

/// An attached device, or none.
pub struct Client {
    attached: Option<Attached>,
}

struct Attached {
    import: Import,
    wire: UnixStream,
}

const CALLER: Tasks = Tasks::CALLER;
const WORKERS: Tasks = Tasks::WORKERS;
const TX: Tasks = Tasks::threads(&["vhci_tx"]);
const RX: Tasks = Tasks::threads(&["vhci_rx"]);
const ALL: Tasks = Tasks::all(&["vhci_tx", "vhci_rx", "kworker/"]);

/// All there are.
pub const CASES: &[Case<Client>] = &[
    Case::new("client: attach", "caller", CALLER, "ok", attach),
    Case::new(
        "client: enumerate",
        "hub worker",
        WORKERS,
        "configured",
        enumerate,
    ),
    Case::new("client: enumerate", "vhci_tx", TX, "configured", configure),
    Case::new("client: enumerate", "vhci_rx", RX, "configured", configure),
    Case::new("client: control in", "caller", CALLER, "ok 18", control),
    Case::new("client: control in", "vhci_tx", TX, "ok 18", control),
    Case::new("client: control in", "vhci_rx", RX, "ok 18", control),
    Case::new("client: bulk in", "caller", CALLER, "ok 32768", bulk_in),
    Case::new("client: bulk in", "vhci_tx", TX, "ok 32768", bulk_in),
    Case::new("client: bulk in", "vhci_rx", RX, "ok 32768", bulk_in),
    Case::new("client: queue", "caller", CALLER, "48 ok 512", queue),
    Case::new("client: bulk out", "caller", CALLER, "ok 32768", bulk_out),
    Case::new("client: bulk out", "vhci_tx", TX, "ok 32768", bulk_out),
    Case::new("client: bulk out", "vhci_rx", RX, "ok 32768", bulk_out),
    Case::new(
        "client: isochronous in",
        "caller",
        CALLER,
        "ok 2048",
        isochronous,
    ),
    Case::new(
        "client: isochronous in",
        "vhci_tx",
        TX,
        "ok 2048",
        isochronous,
    ),
    Case::new(
        "client: isochronous in",
        "vhci_rx",
        RX,
        "ok 2048",
        isochronous,
    ),
    Case::new("client: cancel", "caller", CALLER, "cancelled 0", cancel),
    Case::new("client: cancel", "vhci_tx", TX, "cancelled 0", cancel),
    Case::new("client: cancel", "vhci_rx", RX, "cancelled 0", cancel),
    Case::new("client: detach", "all", ALL, "ok", detach),
    Case::new("client: connection lost", "all", ALL, "free", lose),
];

impl Client {
    /// With nothing attached.
    pub fn new() -> Self {
        Self { attached: None }
    }

    /// The attached device; an honest one if there was none.
    fn attached(&mut self) -> io::Result<&Attached> {
        if self.attached.is_none() {
            let attached = Attached::new()?;
            match attached.import.wait_configured() {
                true => self.attached = Some(attached),
                false => return Err(io::Error::other("honest device: not enumerated")),
            }
        }
        self.attached
            .as_ref()
            .ok_or_else(|| io::Error::other("nothing attached"))
    }
}

impl Bench for Client {
    fn check(&mut self) -> io::Result<()> {
        if let Some(attached) = &self.attached {
            if attached.liveness() == "ok 1024" {
                return Ok(());
            }
        }
        self.attached = None;
        match self.attached()?.liveness().as_str() {
            "ok 1024" => Ok(()),
            dead => Err(io::Error::other(format!("honest device: {dead}"))),
        }
    }
}

impl Attached {
    fn new() -> io::Result<Self> {
        let (wire, kernels) = UnixStream::pair()?;
        wire::serve(wire.try_clone()?, Scripted { speed: Speed::High });
        let import = Import::over(Server::silent(wire.try_clone()?), kernels, PORT)?;
        Ok(Self { import, wire })
    }

    /// Opens the device without looking at all the others, which takes seconds here.
    fn open(&self) -> io::Result<Interface> {
        let node = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.import.node())?;
        let device = nusb::Device::from_fd(node.into()).wait()?;
        Ok(device.claim_interface(0).wait()?)
    }

    fn liveness(&self) -> String {
        let open = || -> io::Result<String> {
            let mut pipe = self.open()?.endpoint::<Bulk, In>(BULK_IN)?;
            pipe.submit(Buffer::new(1024));
            Ok(result(&mut pipe))
        };
        open().unwrap_or_else(|error| error.to_string())
    }
}

/// How a transfer ends.
fn result<K: BulkOrInterrupt, D: EndpointDirection>(pipe: &mut Endpoint<K, D>) -> String {
    let Some(completion) = pipe.wait_next_complete(TRANSFER) else {
        return "pending".to_owned();
    };
    let status = match completion.status {
        Ok(()) => "ok".to_owned(),
        Err(error) => name(error),
    };
    format!("{status} {}", completion.actual_len)
}

fn name(error: TransferError) -> String {
    match error {
        TransferError::Cancelled => "cancelled".to_owned(),
        TransferError::Unknown(number) => {
            contract::errno::name(i32::try_from(number).unwrap_or_default())
        }
        other => format!("{other:?}").to_lowercase(),
    }
}

fn attach(client: &mut Client, fault: &Fault) -> io::Result<String> {
    client.attached = None;
    Ok(match fault.during(Attached::new)? {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    })
}

fn enumerate(client: &mut Client, fault: &Fault) -> io::Result<String> {
    client.attached = None;
    fault.during(|| {
        let attached = Attached::new()?;
        let outcome = wait_configured(&attached);
        client.attached = Some(attached);
        Ok(outcome)
    })?
}

fn configure(client: &mut Client, fault: &Fault) -> io::Result<String> {
    client.attached = None;
    let attached = Attached::new()?;
    let outcome = fault.during(|| wait_configured(&attached))?;
    client.attached = Some(attached);
    Ok(outcome)
}

fn wait_configured(attached: &Attached) -> String {
    let deadline = Instant::now() + limit::stretched(ENUMERATION);
    while Instant::now() < deadline {
        if attached.import.attributes(&["bConfigurationValue"]) == "\"1\\n\"" {
            return "configured".to_owned();
        }
        if Vhci.row(PORT).is_none_or(|row| row.state == FREE) {
            return "connection ended".to_owned();
        }
        thread::sleep(Duration::from_millis(10));
    }
    "not configured".to_owned()
}

fn opened(client: &mut Client) -> io::Result<Interface> {
    client.attached()?.open()
}

fn control(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let interface = opened(client)?;
    let request = ControlIn {
        control_type: ControlType::Standard,
        recipient: Recipient::Device,
        request: 6,
        value: 0x0100,
        index: 0,
        length: 18,
    };
    let result = fault.during(|| interface.control_in(request, TRANSFER).wait())?;
    Ok(match result {
        Ok(bytes) => format!("ok {}", bytes.len()),
        // What nusb makes of a time limit.
        Err(TransferError::Cancelled) => "pending".to_owned(),
        Err(error) => name(error),
    })
}

fn bulk_in(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let mut pipe = opened(client)?.endpoint::<Bulk, In>(BULK_IN)?;
    fault.during(|| {
        pipe.submit(Buffer::new(LARGE));
        result(&mut pipe)
    })
}

/// More transfers at a time than there is memory kept for.
fn queue(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let mut pipe = opened(client)?.endpoint::<Bulk, In>(BULK_IN)?;
    let results = fault.during(|| {
        (0..QUEUE).for_each(|_| pipe.submit(Buffer::new(512)));
        (0..QUEUE).map(|_| result(&mut pipe)).collect::<Vec<_>>()
    })?;
    let mut counts = BTreeMap::<String, usize>::new();
    for result in results {
        *counts.entry(result).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(result, count)| format!("{count} {result}"))
        .collect();
    Ok(counts.join(", "))
}

fn bulk_out(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let mut pipe = opened(client)?.endpoint::<Bulk, Out>(BULK_OUT)?;
    fault.during(|| {
        pipe.submit(Buffer::from(vec![0xa5; LARGE]));
        result(&mut pipe)
    })
}

fn isochronous(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let node = Node::open(&client.attached()?.import.node())?;
    fault.during(|| {
        let ended = node
            .submit(ISO_IN, 256, vec![0; 2048])
            .and_then(|pending| pending.wait());
        match ended {
            Ok(ended) if ended.status == 0 && ended.errors == 0 => {
                let sum: u32 = ended
                    .packets
                    .iter()
                    .map(|packet| packet.actual_length)
                    .sum();
                format!("ok {sum}")
            }
            Ok(ended) => format!(
                "{}, {} packets failed",
                contract::errno::status(ended.status),
                ended.errors
            ),
            Err(error) => contract::errno::of(&error),
        }
    })
}

fn cancel(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let mut pipe = opened(client)?.endpoint::<Interrupt, In>(INTERRUPT_IN)?;
    pipe.submit(Buffer::new(64));
    fault.during(|| {
        pipe.cancel_all();
        result(&mut pipe)
    })
}

fn detach(client: &mut Client, fault: &Fault) -> io::Result<String> {
    client.attached()?;
    let outcome = fault.during(|| {
        let written = Vhci.detach(&PORT.to_string());
        Vhci.wait_state(PORT, FREE);
        written
    })?;
    client.attached = None;
    Ok(outcome)
}

fn lose(client: &mut Client, fault: &Fault) -> io::Result<String> {
    let attached = client.attached()?;
    let outcome = fault.during(|| {
        attached
            .wire
            .shutdown(Shutdown::Both)
            .map(|()| attached.import.fate())
    })??;
    client.attached = None;
    Ok(outcome)
}
