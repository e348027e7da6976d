// SPDX-License-Identifier: GPL-2.0

//! What all keepers share: who has which port, when somebody detached by hand, and the state file.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use usbip_client::{Records, Stamp};
use usbip_service::StateFile;
use usbip_sysfs::{DevId, Port};

use crate::detaches::Detaches;
use crate::phase::{Attachment, Phase};
use crate::seal;
use crate::wanted::Wanted;
use crate::CONNECTD;

/// Version of the state file.
const VERSION: u32 = 1;

/// The state file, `/run/usbip/connectd.json`.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    attachments: Vec<Entry>,
    /// Number of the `detach` file that is sealed, if one is.
    #[serde(default)]
    sealed: Option<u64>,
}

/// How one wanted device stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Name in the configuration.
    name: String,
    /// Server.
    host: String,
    /// TCP port of the server.
    port: String,
    /// Which device of it is wanted, in words.
    wanted: String,
    /// `attached`, `waiting`, `asleep` or `detached`.
    state: String,
    /// Why it waits, or why it stays attached although the machine wants to sleep.
    reason: Option<String>,
    /// Failed attempts in a row.
    attempts: u32,
    /// Seconds since 1970 when it got into this state.
    since: u64,
    /// Bus id on the server, when attached.
    busid: Option<String>,
    /// Port of this machine, when attached.
    local_port: Option<u32>,
    /// The server's number of the device, when attached.
    devid: Option<u32>,
}

impl Entry {
    fn new(wanted: &Wanted, phase: &Phase, attempts: u32) -> Self {
        let attachment = match phase {
            Phase::Attached { attachment, .. } => Some(attachment),
            _ => None,
        };
        let reason = match phase {
            Phase::Gone { .. } => Some("the connection is gone".to_owned()),
            Phase::Waiting { reason, .. } => Some(reason.clone()),
            Phase::Detached => Some(format!(
                "detached by the user; \"usbip-connectd --resume {}\" attaches it again",
                wanted.name
            )),
            Phase::Asleep => Some("the machine is about to sleep".to_owned()),
            Phase::Attached { held, .. } => held.clone(),
        };
        let number = |devid: DevId| (devid.busnum() << 16) | devid.devnum();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            name: wanted.name.clone(),
            host: wanted.server.host.clone(),
            port: wanted.server.port.to_string(),
            wanted: wanted.selector.to_string(),
            state: phase.name().to_owned(),
            reason,
            attempts,
            since: now.map_or(0, |now| now.as_secs()),
            busid: attachment.map(|attachment| attachment.busid.clone()),
            local_port: attachment.map(|attachment| attachment.port.0),
            devid: attachment.map(|attachment| number(attachment.devid)),
        }
    }

    /// Whether it tells of that device, and not of one that had the name before.
    fn is_of(&self, wanted: &Wanted) -> bool {
        let server = &wanted.server;
        self.name == wanted.name
            && self.host == server.host
            && self.port == server.port.to_string()
            && self.wanted == wanted.selector.to_string()
    }

    /// Where the device was when the service last ran; `None` unless it was attached.
    pub fn attachment(&self) -> Option<Attachment> {
        Some(Attachment {
            port: Port(self.local_port?),
            devid: DevId::from_number(self.devid?),
            busid: self.busid.clone()?,
            since: Instant::now(),
        })
    }
}

/// The board.
#[derive(Debug)]
pub struct Board {
    entries: Mutex<BTreeMap<String, Entry>>,
    claims: Mutex<HashMap<Port, String>>,
    hand_over: Mutex<()>,
    detaches: Mutex<Detaches>,
    sealed: Mutex<Option<u64>>,
    file: StateFile,
}

impl Board {
    /// Starts from what an earlier run has left behind.
    pub fn new() -> Self {
        let file = StateFile::new("connectd.json");
        let earlier = file.read::<State>();
        let earlier = earlier.filter(|state| state.version == VERSION);
        let sealed = earlier.as_ref().and_then(|state| state.sealed);
        let entries = earlier.map(|state| state.attachments).unwrap_or_default();
        let entries = entries.into_iter().map(|entry| (entry.name.clone(), entry));
        Self {
            entries: Mutex::new(entries.collect()),
            claims: Mutex::default(),
            hand_over: Mutex::default(),
            detaches: Mutex::default(),
            sealed: Mutex::new(sealed),
            file,
        }
    }

    /// What is known of a device.
    pub fn entry(&self, name: &str) -> Option<Entry> {
        lock(&self.entries).get(name).cloned()
    }

    /// How many devices may be, or become, attached.
    pub fn awake(&self) -> usize {
        let entries = lock(&self.entries);
        let states = entries.values().map(|entry| entry.state.as_str());
        states
            .filter(|state| !["asleep", "detached"].contains(state))
            .count()
    }

    /// The devices that stay attached although the machine wants to sleep, and why.
    pub fn held(&self) -> Vec<String> {
        let entries = lock(&self.entries);
        let attached = entries.values().filter(|entry| entry.local_port.is_some());
        let held = attached.filter_map(|entry| Some((&entry.name, entry.reason.as_ref()?)));
        held.map(|(name, reason)| format!("{name}: {reason}"))
            .collect()
    }

    /// Tells how a device stands.
    pub fn tell(&self, wanted: &Wanted, phase: &Phase, attempts: u32) {
        let mut entry = Entry::new(wanted, phase, attempts);
        let mut entries = lock(&self.entries);
        if let Some(old) = entries.get(&wanted.name) {
            if old.state == entry.state && old.local_port == entry.local_port {
                entry.since = old.since;
            }
        }
        entries.insert(wanted.name.clone(), entry);
        self.write(&entries);
    }

    /// Forgets the devices that are no longer wanted. What is attached of another device that was
    /// wanted under the same name is nobody's then.
    pub fn retain(&self, wanted: &[Wanted]) {
        let mut entries = lock(&self.entries);
        entries.retain(|_name, entry| wanted.iter().any(|wanted| entry.is_of(wanted)));
        self.write(&entries);
        lock(&self.claims).retain(|_port, name| entries.contains_key(name));
    }

    /// Takes a port for a device that the kernel has just put there: whoever had it has lost it.
    pub fn take(&self, port: Port, name: &str) {
        lock(&self.claims).insert(port, name.to_owned());
    }

    /// Takes a port for a device; `false` when another one has it.
    pub fn claim(&self, port: Port, name: &str) -> bool {
        let mut claims = lock(&self.claims);
        claims.entry(port).or_insert_with(|| name.to_owned()) == name
    }

    /// Gives a port up.
    pub fn release(&self, port: Port, name: &str) {
        lock(&self.claims).retain(|claimed, owner| *claimed != port || owner != name);
    }

    /// Held from handing a connection to the kernel until its record is written: the service must
    /// not end in between.
    pub fn handing_over(&self) -> MutexGuard<'_, ()> {
        lock(&self.hand_over)
    }

    /// To be called before this service writes to `detach`: nobody else is behind that.
    pub fn clearing(&self) {
        lock(&self.detaches).clearing();
    }

    /// `detach` was written to.
    pub fn detach_written(&self) {
        lock(&self.detaches).written();
    }

    /// Removes the record of a port that nobody has detached.
    pub fn remove_record(&self, records: &Records, port: Port, stamp: Option<Stamp>) {
        if stamp.is_some() {
            lock(&self.detaches).removing(port);
        }
        records.remove(port, stamp);
    }

    /// The record of a port was removed.
    pub fn record_removed(&self, port: Port) {
        lock(&self.detaches).removed(port);
    }

    /// Whether a port that became free may have been detached by a number somebody wrote to `detach`
    /// since then.
    pub fn was_detach_written(&self, since: Instant) -> bool {
        lock(&self.detaches).any_since(since)
    }

    /// Seals the `detach` file; see [`seal`].
    pub fn seal(&self, file: &Path) {
        let number = seal::seal(file).ok();
        let before = mem::replace(&mut *lock(&self.sealed), number);
        if before != number {
            self.write(&lock(&self.entries));
        }
    }

    /// Whether the `detach` file has been written to since it was sealed.
    pub fn is_seal_broken(&self, file: &Path) -> bool {
        lock(&self.sealed).is_some_and(|number| seal::is_broken(file, number))
    }

    fn write(&self, entries: &BTreeMap<String, Entry>) {
        let attachments = entries.values().cloned().collect();
        let version = VERSION;
        let state = State {
            version,
            attachments,
            sealed: *lock(&self.sealed),
        };
        self.file.write(CONNECTD, &state);
    }
}

/// No code panics while it holds a lock of the board.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
