// SPDX-License-Identifier: GPL-2.0

//! The virtual host controller with the third kind of server: the kernel's `usbip-vudc`.

use crate::gadget::Gadget;
use crate::import::DEVID;
use crate::kind::{self, Kind, Role};
use crate::limit;
use crate::pipe::{cancelled, Pipe, PACKET};
use crate::report::{Outcome, Report};
use crate::vhci::{Vhci, FREE, USED};
use crate::wire;
use nusb::transfer::{In, Out};
use nusb::{Device, Interface, MaybeFuture};
use std::io;
use std::os::fd::AsFd;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("interop", &[Role::Vhci], |report| {
        let kind = report.kind;
        report.check("interop.vudc", move || {
            let found = vudc();
            // Its shared code is C's, which unloads the own one by itself.
            if kind == Kind::Rs {
                kind::unload_other("usbip_core");
            }
            found
        });
    });
}

/// A device is imported, used, reset, used again, left waiting, and let go.
fn vudc() -> Outcome {
    let gadget = Gadget::new()?;
    let (server, client) = wire::pair()?;
    let connected = gadget.connect(server.as_fd());
    let vhci = Vhci;
    let attached = vhci.attach_line(&format!("0 FD {DEVID} 3"), client.as_fd());
    drop((server, client));
    let used = vhci.wait_state(0, USED);
    let device = find()?;
    let before = use_it(&device.claim_interface(0).wait()?)?;
    let reset = device.reset().wait().is_ok();
    let interface = device.claim_interface(0).wait()?;
    let after = use_it(&interface)?;
    let mut pipe = Pipe::<In>::at(&interface, address(&interface, true)?)?;
    pipe.ask(PACKET);
    limit::settle();
    let waiting = cancelled(pipe.cancel());
    let again = use_it(&interface)?;
    drop((interface, device));
    let detached = vhci.detach("0");
    let free = vhci.wait_state(0, FREE);
    Ok(format!(
        "{connected} {attached} {used}, {before}, reset: {reset}, {after}, {waiting}, {again}, {detached} {free}"
    ))
}

fn find() -> io::Result<Device> {
    let mut found = None;
    limit::wait_until(|| {
        let mut devices = nusb::list_devices().wait().into_iter().flatten();
        found = devices.find(|device| {
            device.product_string() == Some("Loop") && device.interfaces().next().is_some()
        });
        found.is_some()
    });
    let found = found.ok_or_else(|| io::Error::other("not enumerated"))?;
    Ok(found.open().wait()?)
}

/// The address of the interface's endpoint of a direction.
fn address(interface: &Interface, is_in: bool) -> io::Result<u8> {
    let descriptor = interface.descriptor();
    let mut addresses = descriptor
        .iter()
        .flat_map(|descriptor| descriptor.endpoints())
        .map(|endpoint| endpoint.address());
    addresses
        .find(|address| (address & 0x80 != 0) == is_in)
        .ok_or_else(|| io::Error::other("no endpoint"))
}

/// Sends bytes and gets them back.
fn use_it(interface: &Interface) -> io::Result<String> {
    let mut output = Pipe::<Out>::at(interface, address(interface, false)?)?;
    let mut input = Pipe::<In>::at(interface, address(interface, true)?)?;
    output.put((0..32).collect());
    let sent = output.result();
    input.ask(PACKET);
    Ok(format!("{sent}, {}", input.result()))
}
