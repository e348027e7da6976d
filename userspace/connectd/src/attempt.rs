// SPDX-License-Identifier: GPL-2.0

//! One attempt to attach a wanted device.

use std::collections::HashSet;
use std::time::Instant;

use log::warn;
use thiserror::Error;
use usbip_client::{HandOverError, Imported, Listed, Records, ServerError};
use usbip_identity::Match;
use usbip_net::{place, ExchangeError};
use usbip_sysfs::{DevId, Sysfs, Vhci, VhciError, VHCI_DRIVER};

use crate::board::Board;
use crate::phase::Attachment;
use crate::wanted::Wanted;
use crate::CONNECTD;

/// Why a device could not be attached.
#[derive(Debug, Error)]
pub enum Failure {
    /// The kernel has no ports; an event tells when it gets some.
    #[error("{VHCI_DRIVER} is not loaded: run \"modprobe {VHCI_DRIVER}\"")]
    NoDriver,
    /// The ports cannot be read.
    #[error("{0}")]
    Vhci(VhciError),
    /// The server does not give it.
    #[error("{place}: {error}")]
    Server {
        /// The server, and what it was asked for.
        place: String,
        /// Its answer.
        error: ServerError,
    },
    /// The device does not tell what it is.
    #[error("asking the device what it is: {0}")]
    Identify(ExchangeError),
    /// The kernel did not take the connection.
    #[error("{0}")]
    HandOver(#[from] HandOverError),
    /// The server has no such device to give.
    #[error("the server has no free device with {0}")]
    NoneFits(String),
}

/// What an attempt needs.
pub struct Attempt<'a> {
    /// The device.
    pub wanted: &'a Wanted,
    /// Where the ports are.
    pub sysfs: &'a Sysfs,
    /// Where records go.
    pub records: &'a Records,
    /// Who has which port.
    pub board: &'a Board,
    /// Devices that turned out to be others.
    pub strangers: &'a mut Strangers,
}

/// Devices that have been asked for their descriptors and are not the wanted one: bus id, bus and
/// device number. Asking takes an import, which is not to be done over and over.
pub type Strangers = HashSet<(String, (u32, u32))>;

fn key(listed: &Listed) -> (String, (u32, u32)) {
    (listed.identity.busid.clone(), listed.number)
}

impl Attempt<'_> {
    /// Imports the device and hands it to the kernel.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn run(&mut self) -> Result<Attachment, Failure> {
        let vhci = self.sysfs.vhci().map_err(|error| match error {
            VhciError::NotLoaded => Failure::NoDriver,
            error => Failure::Vhci(error),
        })?;
        match self.wanted.only_busid() {
            Some(busid) => {
                let imported = self.import(busid)?;
                self.hand_over(&vhci, busid, imported)
            }
            None => {
                let (busid, imported) = self.find()?;
                self.hand_over(&vhci, &busid, imported)
            }
        }
    }

    /// The first device on offer that fits.
    fn find(&mut self) -> Result<(String, Imported), Failure> {
        let mut last = Failure::NoneFits(self.wanted.selector.to_string());
        let devices = self.wanted.server.devices();
        let devices = devices.map_err(|error| self.failure("", error))?;
        let keys: Strangers = devices.iter().map(key).collect();
        self.strangers.retain(|key| keys.contains(key));
        for listed in devices {
            if self.wanted.selector.judge(&listed.identity) == Match::No {
                continue;
            }
            match self.try_one(&listed) {
                Ok(Some(imported)) => return Ok((listed.identity.busid, imported)),
                Ok(None) => {}
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// Imports a device that may fit; `None` when it turns out not to. It is given back then.
    fn try_one(&mut self, listed: &Listed) -> Result<Option<Imported>, Failure> {
        let key = key(listed);
        if self.strangers.contains(&key) {
            return Ok(None);
        }
        let mut imported = self.import(&listed.identity.busid)?;
        if self.wanted.selector.judge(&listed.identity) == Match::Yes {
            return Ok(Some(imported));
        }
        let identity = imported.identify(&listed.identity);
        let identity = identity.map_err(Failure::Identify)?;
        if self.wanted.selector.judge(&identity) == Match::Yes {
            return Ok(Some(imported));
        }
        self.strangers.insert(key);
        Ok(None)
    }

    fn import(&self, busid: &str) -> Result<Imported, Failure> {
        let imported = self.wanted.server.import(busid);
        imported.map_err(|error| self.failure(busid, error))
    }

    fn failure(&self, busid: &str, error: ServerError) -> Failure {
        let host = &self.wanted.server.host;
        let port = &self.wanted.server.port;
        let place = match busid {
            "" => place(host, port),
            busid => format!("{}, device {busid}", place(host, port)),
        };
        Failure::Server { place, error }
    }

    fn hand_over(
        &self,
        vhci: &Vhci,
        busid: &str,
        imported: Imported,
    ) -> Result<Attachment, Failure> {
        let devid: DevId = imported.devid()?;
        let _whole = self.board.handing_over();
        let port = imported.hand_over(vhci)?;
        self.board.take(port, &self.wanted.name);
        if let Err(error) = self.records.write(port, &self.wanted.remote(busid)) {
            let name = &self.wanted.name;
            warn!(target: CONNECTD, "{name}: port {port} has no record: {error}");
        }
        Ok(Attachment {
            port,
            devid,
            busid: busid.to_owned(),
            since: Instant::now(),
        })
    }
}
