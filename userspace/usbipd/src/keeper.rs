// SPDX-License-Identifier: GPL-2.0

//! Keeps allowed devices bound: looks at what there is and acts on the difference.

use std::collections::BTreeMap;
use std::fs;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use log::{error, info};
use serde::{Deserialize, Serialize};
use usbip_identity::{DeviceId, Identity, Match, Selector};
use usbip_service::StateFile;
use usbip_sysfs::{BusId, Device, Sysfs, HOST_DRIVER};

use crate::standing::{decide, pause, Binder, Sight, Standing, Step};
use crate::takeover::Takeover;
use crate::USBIPD;

/// Version of the state file.
const VERSION: u32 = 1;

/// Class code of hubs, which cannot be exported.
const HUB: &str = "09";

/// The state file, `/run/usbip/usbipd.json`.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    devices: Vec<Known>,
}

/// What is known of one device since it was plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Device number on its bus: another one after each plugging in.
    devnum: String,
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    standing: Standing,
}

/// Where the devices are recorded.
fn state_file() -> StateFile {
    StateFile::new("usbipd.json")
}

/// What an earlier run has left behind.
fn recorded() -> Vec<Known> {
    let earlier = state_file().read::<State>();
    let earlier = earlier.filter(|state| state.version == VERSION);
    earlier.map(|state| state.devices).unwrap_or_default()
}

/// Whether an earlier run has bound a device by a rule.
pub fn has_exports() -> bool {
    let mut devices = recorded().into_iter();
    devices.any(|known| known.standing.is_bound_by_rule())
}

/// Keeps devices bound.
#[derive(Debug)]
pub struct Keeper {
    root: PathBuf,
    sysfs: Sysfs,
    rules: Vec<Selector>,
    known: BTreeMap<String, Known>,
    file: StateFile,
}

impl Keeper {
    /// Starts from what an earlier run has left behind.
    pub fn new(root: PathBuf) -> Self {
        let known = recorded()
            .into_iter()
            .map(|known| (known.identity.busid.clone(), known));
        Self {
            sysfs: Sysfs::new(&root),
            root,
            rules: Vec::new(),
            known: known.collect(),
            file: state_file(),
        }
    }

    /// Replaces the rules; they take effect at the next look.
    pub fn set_rules(&mut self, rules: Vec<Selector>) {
        self.rules = rules;
        if !self.rules.is_empty() && self.loaded_driver().is_none() {
            info!(target: USBIPD, "{HOST_DRIVER} is not loaded, nothing is exported until it is: run \"modprobe {HOST_DRIVER}\"");
        }
    }

    /// When to look again although nothing happens: something is to be tried again then.
    pub fn next_attempt(&self) -> Option<Instant> {
        let nexts = self
            .known
            .values()
            .filter_map(|known| match known.standing {
                Standing::Failed { next, .. } => next,
                Standing::Bound { .. } | Standing::Released => None,
            });
        nexts.min()
    }

    /// Looks at all devices and does what is to be done.
    pub fn look(&mut self) {
        let before = self.known.clone();
        let devices: Vec<_> = self.sysfs.usb_devices();
        let devices: Vec<_> = devices.into_iter().filter(can_be_exported).collect();
        let (known, gone) = mem::take(&mut self.known)
            .into_iter()
            .partition(|(busid, _known)| {
                let mut devices = devices.iter();
                devices.any(|device| device.sysname() == busid) || self.is_going(busid)
            });
        self.known = known;
        gone.values().for_each(|known| self.forget(known));
        for device in &devices {
            self.look_at(device);
        }
        if self.known != before {
            let devices = self.known.values().cloned().collect();
            let version = VERSION;
            self.file.write(USBIPD, &State { version, devices });
        }
    }

    fn look_at(&mut self, device: &Device) {
        let (Ok(busid), Ok(devnum)) = (device.sysname().parse(), device.attribute("devnum")) else {
            return;
        };
        let known = self.known.remove(device.sysname());
        let known = known.filter(|known| known.devnum == devnum);
        let is_bound = device.driver().as_deref() == Some(HOST_DRIVER);
        let (identity, standing) = match known {
            // An exported device has no interfaces to tell its class by.
            Some(known) if is_bound => (known.identity, Some(known.standing)),
            known => (
                Identity::of_local(device),
                known.map(|known| known.standing),
            ),
        };
        let mut rules = self.rules.iter();
        let sight = Sight {
            is_bound,
            is_allowed: rules.any(|rule| rule.judge(&identity) == Match::Yes),
            driver: self.loaded_driver(),
        };
        let step = decide(standing.as_ref(), sight);
        let id = identity.id;
        if let Some(standing) = self.carry_out(step, device, &busid, id, standing) {
            let known = Known {
                devnum,
                identity,
                standing,
            };
            self.known.insert(busid.to_string(), known);
        }
    }

    /// The device is gone: what a rule took for it is free again.
    fn forget(&self, known: &Known) {
        let busid = known.identity.busid.parse();
        if let (Ok(busid), true) = (busid, known.standing.is_bound_by_rule()) {
            self.takeover().free_place(&busid);
        }
    }

    /// Whether a device that has left the bus is still there: its driver lets go in between.
    fn is_going(&self, busid: &str) -> bool {
        let parent = match busid.rsplit_once('.') {
            Some((hub, _port)) => hub.to_owned(),
            None => format!("usb{}", busid.split('-').next().unwrap_or_default()),
        };
        let devices = self.root.join("bus/usb/devices");
        devices.join(parent).join(busid).exists()
    }

    /// Returns how the device stands afterwards.
    fn carry_out(
        &self,
        step: Step,
        device: &Device,
        busid: &BusId,
        id: DeviceId,
        standing: Option<Standing>,
    ) -> Option<Standing> {
        match step {
            Step::Rest => standing.map(Standing::at_rest),
            Step::Forget => None,
            Step::NoteBound(driver) => {
                let by = Binder::User;
                Some(Standing::Bound { by, driver })
            }
            Step::NoteReleased => {
                info!(target: USBIPD, "device {busid} ({id}) was unbound, leaving it alone until it is plugged in again or bound by hand");
                Some(Standing::Released)
            }
            Step::Revoke => {
                info!(target: USBIPD, "no rule allows device {busid} ({id}) any more, unbinding it");
                if let Err(reason) = self.takeover().give_back(busid) {
                    error!(target: USBIPD, "device {busid} ({id}): {reason}");
                }
                None
            }
            Step::Bind => match standing {
                Some(Standing::Failed {
                    next: Some(next), ..
                }) if next > Instant::now() => standing,
                Some(Standing::Failed { attempts, .. }) => {
                    Some(self.bind(device, busid, id, attempts.saturating_add(1)))
                }
                _ => Some(self.bind(device, busid, id, 1)),
            },
        }
    }

    /// Attempt number `attempts`.
    fn bind(&self, device: &Device, busid: &BusId, id: DeviceId, attempts: u32) -> Standing {
        let taken = self.takeover().take(device, busid, attempts == 1);
        let reason = match (taken, self.loaded_driver()) {
            (Ok(()), Some(driver)) => {
                info!(target: USBIPD, "exporting device {busid} ({id})");
                let by = Binder::Rule;
                return Standing::Bound { by, driver };
            }
            (Ok(()), None) => "the driver is gone".to_owned(),
            (Err(reason), _) => reason,
        };
        if attempts <= 2 {
            error!(target: USBIPD, "cannot export device {busid} ({id}), will try again: {reason}");
        }
        Standing::Failed {
            reason,
            attempts,
            next: Some(Instant::now() + pause(attempts)),
        }
    }

    fn takeover(&self) -> Takeover<'_> {
        Takeover::new(&self.root, &self.sysfs)
    }

    /// A number that changes each time the driver is loaded. Its files go before it lets go of its
    /// devices.
    fn loaded_driver(&self) -> Option<u64> {
        let directory = self.root.join("bus/usb/drivers").join(HOST_DRIVER);
        fs::metadata(directory.join("bind")).ok()?;
        Some(fs::metadata(directory).ok()?.ino())
    }
}

fn can_be_exported(device: &Device) -> bool {
    let class = device.attribute("bDeviceClass");
    !device.is_imported() && class.is_ok_and(|class| class != HUB)
}
