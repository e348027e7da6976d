// SPDX-License-Identifier: GPL-2.0

//! Devices a server exports.

use std::io::{self, Write};

use log::info;
use usbip_identity::{Match, Selector};

use super::{printable, Format};
use crate::answer::{self, Answer, Devices};
use crate::cause::{Cause, Kind};
use crate::choice::fits;
use crate::command::Outcome;
use crate::environment::Environment;
use crate::names::{Names, REMOTE_TEXT_LEN};
use crate::offer::{ask, Offered, Offers};
use crate::remote_device::RemoteDevice;
use crate::report::{fail, Reported, USBIP};

/// Lists the devices of `host` that fit.
pub fn list(
    environment: &Environment,
    host: &str,
    format: Format,
    selector: &Selector,
    out: &mut dyn Write,
) -> Outcome {
    let (offers, failure) = match find(environment, host, selector) {
        Ok(mut offers) => {
            let failure = offers.broken.take();
            (offers, failure)
        }
        Err(reported) => (Offers::default(), Some(reported)),
    };
    if format == Format::Json {
        let devices = offers.devices.iter();
        let devices = devices.map(|offered| RemoteDevice::new(environment, offered));
        let answer = Answer {
            devices: Some(Devices::Remote(devices.collect())),
            ..Answer::default()
        };
        return answer::write(out, "list", answer, failure);
    }
    if offers.announced > 0 {
        writeln!(out, "Exportable USB devices")?;
        writeln!(out, "======================")?;
        writeln!(out, " - {host}")?;
    }
    for offered in &offers.devices {
        write_offered(out, &environment.names, offered)?;
    }
    Ok(failure.map_or(Ok(()), Err)?)
}

fn find(environment: &Environment, host: &str, selector: &Selector) -> Result<Offers, Reported> {
    if selector.serial.is_some() {
        let cause = Cause::new(
            Kind::Usage,
            "a server's list has ids, classes and what usb.ids names them, but no serial numbers",
            "choose by --id, --class or --product here; \"usbip attach --serial\" asks the devices",
        );
        return Err(fail("--serial cannot be matched in a list from a server").because(cause));
    }
    let mut offers = ask(environment, host)?;
    offers.devices.retain(|offered| {
        let identity = offered.identity();
        let verdict = fits(environment, selector, &identity);
        if verdict == Match::Unknown {
            let busid = printable(identity.busid.as_bytes());
            info!(target: USBIP, "{busid} does not tell its class before it is attached; \"usbip attach --class\" asks it");
        }
        verdict == Match::Yes
    });
    Ok(offers)
}

fn write_offered(out: &mut dyn Write, names: &Names, offered: &Offered) -> io::Result<()> {
    let record = &offered.record;
    let product = names.product(record.id_vendor, record.id_product, REMOTE_TEXT_LEN);
    line(out, &printable(record.busid.as_bytes()), &product)?;
    line(out, "", printable(record.path.as_bytes()).as_bytes())?;
    line(out, "", &names.class(record.class, REMOTE_TEXT_LEN))?;
    for (index, class) in offered.interfaces.iter().enumerate() {
        write!(out, "{:>11}: {index:2} - ", "")?;
        out.write_all(&names.class(*class, REMOTE_TEXT_LEN))?;
        writeln!(out)?;
    }
    match offered.is_complete() {
        true => writeln!(out),
        false => Ok(()),
    }
}

fn line(out: &mut dyn Write, label: &str, text: &[u8]) -> io::Result<()> {
    write!(out, "{label:>11}: ")?;
    out.write_all(text)?;
    writeln!(out)
}
