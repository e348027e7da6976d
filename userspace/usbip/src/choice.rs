// SPDX-License-Identifier: GPL-2.0

//! Choosing devices by what they are instead of where they are plugged in.

use clap::{Arg, ArgMatches};
use log::info;
use usbip_identity::{Identity, Match, Selector};
use usbip_sysfs::Device;

use crate::cause::{Cause, Kind};
use crate::command::Refusal;
use crate::environment::Environment;
use crate::list::printable;
use crate::options::{own_value, text};
use crate::report::{fail, Reported, USBIP};

/// The options that choose.
pub fn options() -> [Arg; 4] {
    [
        own_value("id", "VID:PID", "Only devices with this id; PID may be *"),
        own_value(
            "serial",
            "PATTERN",
            "Only devices with such a serial number; * and ? are wild",
        ),
        own_value(
            "class",
            "CLASS",
            "Only devices of a class: a code (08, 08/06) or a name (storage)",
        ),
        own_value(
            "product",
            "PATTERN",
            "Only devices with such a product name; * and ? are wild",
        ),
    ]
}

/// What the options choose; `None` when none of them is there.
///
/// # Errors
/// When a value makes no sense; told.
pub fn selector(matches: &ArgMatches) -> Result<Option<Selector>, Reported> {
    let parse_id = |text: String| {
        text.parse()
            .map_err(|error| fail(format_args!("--id: {error}")))
    };
    let parse_class = |text: String| {
        text.parse()
            .map_err(|error| fail(format_args!("--class: {error}")))
    };
    let pattern = |name| text(matches, name).map(usbip_identity::Pattern::new);
    let selector = Selector {
        id: text(matches, "id").map(parse_id).transpose()?,
        class: text(matches, "class").map(parse_class).transpose()?,
        serial: pattern("serial"),
        product: pattern("product"),
        busid: None,
    };
    Ok((!selector.is_empty()).then_some(selector))
}

/// A device is named by its bus id and by what it is.
pub fn twice() -> Refusal {
    Refusal::usage(
        "--busid names the device; --id, --serial, --class and --product are for when it does not",
    )
}

/// No device is named.
pub fn none() -> Refusal {
    Refusal::usage("no device is named: give --busid, --id, --serial, --class or --product")
}

/// How a command names a device, for what it says about several or none.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// Option that names one.
    pub option: &'a str,
    /// Command that shows what there is.
    pub list_command: &'a str,
}

/// The one device that fits. A candidate is a device, the name its option takes, and what the
/// command goes on with.
///
/// # Errors
/// When none does, or several do, which are listed; told.
pub fn only_one<T>(
    environment: &Environment,
    selector: &Selector,
    fitting: Vec<(Identity, String, T)>,
    naming: Naming<'_>,
) -> Result<T, Reported> {
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.len()) {
        (None, _) => {
            let detail = format!("nothing there has {selector}");
            let next = format!("see what there is with \"{}\"", naming.list_command);
            let reported = fail(format_args!("no device has {selector}"));
            Err(reported.because(Cause::new(Kind::NoMatch, detail, next)))
        }
        (Some((_, _, only)), 0) => Ok(only),
        (Some(first), more) => {
            let reported = fail(format_args!("{} devices have {selector}", more + 1));
            let all: Vec<_> = [first].into_iter().chain(fitting).collect();
            for (identity, name, _) in &all {
                info!(target: USBIP, "  {name}: {}", describe(environment, identity));
            }
            let names: Vec<_> = all.iter().map(|(_, name, _)| name.as_str()).collect();
            Err(reported.because(Cause::new(
                Kind::Ambiguous,
                format!("{selector} fits {}", names.join(", ")),
                format!("choose one with {}, or add --serial", naming.option),
            )))
        }
    }
}

/// Whether a device fits. A device without a name of its own has the one of `usb.ids`.
pub fn fits(environment: &Environment, selector: &Selector, identity: &Identity) -> Match {
    let id = identity.id;
    let mut known = identity.clone();
    if selector.product.is_some() && known.product.is_none() {
        known.product = environment.names.product_name(id.vendor, id.product);
        known.strings_known |= selector.serial.is_none();
    }
    selector.judge(&known)
}

/// The local devices a rule can be about: no hubs, nothing imported.
pub fn local_devices(environment: &Environment) -> Vec<Device> {
    let mut devices = environment.sysfs.usb_devices();
    devices.retain(|device| device.is_plain() && !device.is_imported());
    devices
}

/// Bus id of the local device that fits and is one of `eligible`.
///
/// # Errors
/// As of [`only_one`].
pub fn local(
    environment: &Environment,
    selector: &Selector,
    eligible: impl Fn(&Device) -> bool,
) -> Result<String, Reported> {
    let devices = local_devices(environment).into_iter().filter(eligible);
    let known = devices.map(|device| Identity::of_local(&device));
    let fitting = known.filter(|known| fits(environment, selector, known) == Match::Yes);
    let fitting = fitting.map(|known| {
        let busid = known.busid.clone();
        (known, busid.clone(), busid)
    });
    let naming = Naming {
        option: "-b BUSID",
        list_command: "usbip status",
    };
    only_one(environment, selector, fitting.collect(), naming)
}

/// One candidate, for people.
fn describe(environment: &Environment, identity: &Identity) -> String {
    let id = identity.id;
    let name = environment.names.product(id.vendor, id.product, usize::MAX);
    let name = String::from_utf8_lossy(&name).into_owned();
    match &identity.serial {
        Some(serial) => format!("{name}, serial {}", printable(serial.as_bytes())),
        None => name,
    }
}
