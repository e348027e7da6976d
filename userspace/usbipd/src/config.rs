// SPDX-License-Identifier: GPL-2.0

//! The configuration file.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use usbip_identity::Selector;
use usbip_net::DeadPeerLimit;
use usbip_service::{read_config, ConfigError};

use crate::address::ListenAddress;

/// Where the file is unless `--config` says otherwise; it need not exist.
const DEFAULT_PATH: &str = "/etc/usbip/usbipd.toml";

/// Range of `max-connections`.
const MAX_CONNECTIONS: std::ops::RangeInclusive<usize> = 1..=65_536;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen; all addresses of the machine if empty.
    pub listen: Vec<ListenAddress>,
    /// When a silent client is given up.
    pub dead_peer: DeadPeerLimit,
    /// Connections served at once. Devices in use are not counted.
    pub max_connections: usize,
    /// Devices to export whenever they are there; nothing else is ever exported by itself.
    pub allow: Vec<Selector>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            dead_peer: DeadPeerLimit::default(),
            max_connections: 512,
            allow: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the file; without one everything is as usbip-utils has it.
    ///
    /// # Errors
    /// See [`ConfigError`]; a missing file is one only if it was asked for.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let place = path.map_or_else(|| PathBuf::from(DEFAULT_PATH), Path::to_owned);
        match read_config::<Self>(&place) {
            Ok(config) => config
                .check()
                .map_err(|reason| ConfigError::invalid(&place, reason)),
            Err(error) if error.is_missing() && path.is_none() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn check(self) -> Result<Self, String> {
        let (least, most) = (MAX_CONNECTIONS.start(), MAX_CONNECTIONS.end());
        if !MAX_CONNECTIONS.contains(&self.max_connections) {
            return Err(format!("max-connections must be {least} to {most}"));
        }
        match self.allow.iter().position(Selector::is_empty) {
            Some(index) => Err(format!(
                "[[allow]] number {number} names no device: give id, serial, product, class or \
                 busid (busid = \"*\" for every device)",
                number = index + 1
            )),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("usbipd.toml");
        fs::write(&path, text).unwrap();
        Config::read(Some(&path)).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_can_be_said() {
        let config = read(
            "listen = ['10.0.0.1', 'unix:/run/usbipd']\ndead-peer = 30\nmax-connections = 64\n\
             [[allow]]\nid = '0781:*'\nserial = 'A*'\n[[allow]]\nclass = 'printer'\n",
        )
        .unwrap();
        assert_eq!(config.listen.len(), 2);
        assert_eq!((config.max_connections, config.allow.len()), (64, 2));
        assert_eq!(read("").unwrap(), Config::default());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            ("listne = []", "unknown field `listne`"),
            ("dead-peer = 1", "give 5 to 3600 seconds"),
            ("max-connections = 0", "max-connections must be 1 to 65536"),
            ("[[allow]]\n", "[[allow]] number 1 names no device"),
            ("[[allow]]\nid = 'x'", "VENDOR:PRODUCT"),
            ("listen = ['unix:x']", "unix:/PATH"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains("usbipd.toml"), "{error}");
        }
    }

    #[test]
    fn only_the_default_file_may_be_missing() {
        let missing = Path::new("/nonexistent/usbipd.toml");
        assert!(Config::read(Some(missing)).unwrap_err().is_missing());
    }
}
