// SPDX-License-Identifier: GPL-2.0

//! What the services that keep devices exported and attached say about themselves.

use std::fs;

use serde::Serialize;
use serde_json::{Map, Value};
use usbip_service::run_directory;

use crate::list::printable;

/// Fields that name what an entry is about, in the order they are shown.
const NAMES: [&str; 5] = ["name", "host", "busid", "id", "serial"];

/// The state file of one service; part of the JSON schema.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceState {
    /// Name of the service.
    pub name: String,
    /// Its own words, in its own format.
    pub state: Value,
}

impl ServiceState {
    /// Reads the state files of all services that run, or have run since the machine started.
    pub fn read_all() -> Vec<Self> {
        let entries = fs::read_dir(run_directory()).into_iter().flatten();
        let paths = entries.flatten().map(|entry| entry.path());
        let files = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
        let mut states: Vec<_> = files
            .filter_map(|path| {
                Some(Self {
                    name: path.file_stem()?.to_string_lossy().into_owned(),
                    state: serde_json::from_slice(&fs::read(&path).ok()?).ok()?,
                })
            })
            .collect();
        states.sort_by(|a, b| a.name.cmp(&b.name));
        states
    }

    /// One line for each thing the service keeps.
    pub fn lines(&self) -> Vec<String> {
        let fields = self.state.as_object().into_iter().flat_map(Map::values);
        let entries = fields.filter_map(Value::as_array).flatten();
        entries.filter_map(Value::as_object).map(line).collect()
    }
}

/// What it is, how it stands, and why.
fn line(entry: &Map<String, Value>) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let names: Vec<_> = NAMES.iter().filter_map(|name| text(name)).collect();
    let state = text("state").unwrap_or("unknown");
    let line = match text("reason") {
        Some(reason) => format!("{}: {state}: {reason}", names.join(" ")),
        None => format!("{}: {state}", names.join(" ")),
    };
    printable(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_any_service() {
        let state = serde_json::json!({"version": 1, "devices": [
            {"busid": "1-2", "id": "0781:5567", "serial": null, "state": "bound"},
            {"busid": "1-3", "state": "failed", "reason": "sdb is mounted", "attempts": 2},
        ]});
        let name = "usbipd".to_owned();
        let lines = ServiceState { name, state }.lines();
        assert_eq!(
            lines,
            ["1-2 0781:5567: bound", "1-3: failed: sdb is mounted"]
        );
    }
}
