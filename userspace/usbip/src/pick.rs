// SPDX-License-Identifier: GPL-2.0

//! Picking devices of a server by what they are.

use log::info;
use usbip_client::{is_busid, Imported, Server};
use usbip_identity::{Identity, Match, Selector};

use crate::cause::{Cause, Kind};
use crate::choice::{fits, only_one, Naming};
use crate::environment::Environment;
use crate::list::printable;
use crate::offer::{self, Offered};
use crate::report::{fail, Reported, USBIP};

/// A device to attach.
#[derive(Debug)]
pub enum Picked {
    /// Known by its bus id, not asked for yet.
    Listed(String),
    /// Imported already, because only the device itself could tell whether it fits.
    Held(String, Box<Imported>),
}

impl Picked {
    /// Bus id on the server.
    pub fn busid(&self) -> &str {
        match self {
            Self::Listed(busid) | Self::Held(busid, _) => busid,
        }
    }
}

/// The one device that fits.
///
/// # Errors
/// When none does, several do, or the server cannot be asked; told.
pub fn one(environment: &Environment, host: &str, selector: &Selector) -> Result<Picked, Reported> {
    let fitting = fitting(environment, host, Some(selector))?.into_iter();
    let fitting = fitting.map(|(identity, picked)| {
        let name = printable(identity.busid.as_bytes());
        (identity, name, picked)
    });
    let naming = Naming {
        option: "-b BUSID",
        list_command: &format!("usbip list -r {host}"),
    };
    only_one(environment, selector, fitting.collect(), naming)
}

/// Every device that fits.
///
/// # Errors
/// When none does, or the server cannot be asked; told.
pub fn all(
    environment: &Environment,
    host: &str,
    selector: Option<&Selector>,
) -> Result<Vec<Picked>, Reported> {
    let fitting = fitting(environment, host, selector)?;
    if fitting.is_empty() {
        let what = match selector {
            Some(selector) => format!("no device of {host} has {selector}"),
            None => format!("{host} offers no device"),
        };
        let next = format!("see what there is with \"usbip list -r {host}\"");
        return Err(fail(&what).because(Cause::new(Kind::NoMatch, what, next)));
    }
    Ok(fitting.into_iter().map(|(_, picked)| picked).collect())
}

/// A device list has no strings, and no interfaces of a device not imported before. Where they decide, the device itself is asked: it is imported for
/// that, and given back if it does not fit.
fn fitting(
    environment: &Environment,
    host: &str,
    selector: Option<&Selector>,
) -> Result<Vec<(Identity, Picked)>, Reported> {
    let offers = offer::ask(environment, host)?;
    if let Some(reported) = offers.broken {
        return Err(reported);
    }
    let server = Server {
        host: host.to_owned(),
        port: environment.tcp_port.clone(),
        dead_peer: usbip_net::DeadPeerLimit::default(),
    };
    let mut fitting = Vec::new();
    for identity in offers.devices.iter().filter_map(named) {
        let listed = Picked::Listed(identity.busid.clone());
        match selector.map(|selector| fits(environment, selector, &identity)) {
            None | Some(Match::Yes) => fitting.push((identity, listed)),
            Some(Match::No) => {}
            Some(Match::Unknown) => {
                fitting.extend(asked(&server, identity).filter(|(identity, _)| {
                    selector
                        .is_none_or(|selector| fits(environment, selector, identity) == Match::Yes)
                }))
            }
        }
    }
    Ok(fitting)
}

/// What a device is that has a bus id to ask for it by. One without is told and passed over.
fn named(offered: &Offered) -> Option<Identity> {
    let identity = offered.identity();
    let is_named = is_busid(&identity.busid);
    if !is_named {
        let busid = printable(identity.busid.as_bytes());
        info!(target: USBIP, "{busid} is passed over: it is no bus id");
    }
    is_named.then_some(identity)
}

/// Asks a device for its descriptors. One that does not answer is told and passed over.
fn asked(server: &Server, listed: Identity) -> Option<(Identity, Picked)> {
    let busid = listed.busid.clone();
    let held = server.import(&busid).map_err(|error| error.to_string());
    let asked = held.and_then(|mut held| {
        let identity = held.identify(&listed).map_err(|error| error.to_string())?;
        Ok((identity, Picked::Held(busid.clone(), Box::new(held))))
    });
    asked
        .inspect_err(|reason| {
            info!(target: USBIP, "{busid} does not tell what it is: {reason}");
        })
        .ok()
}
