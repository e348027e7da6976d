// SPDX-License-Identifier: GPL-2.0

//! The configuration file.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use usbip_client::Server;
use usbip_identity::{ClassPattern, IdPattern, Pattern, Selector};
use usbip_net::{DeadPeerLimit, TcpPort};
use usbip_service::{read_config, ConfigError};

use crate::wanted::Wanted;

/// Most devices one service keeps: the most ports there can be.
const MAX_WANTED: usize = 32 * 30;

/// Range of `retry-max`, in seconds.
const RETRY_MAX: std::ops::RangeInclusive<u64> = 1..=3600;

/// Longest name.
const MAX_NAME: usize = 64;

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    dead_peer: DeadPeerLimit,
    #[serde(default = "default_retry_max")]
    retry_max: u64,
    #[serde(default)]
    attach: Vec<Attach>,
}

fn default_retry_max() -> u64 {
    30
}

/// One wanted device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attach {
    name: Option<String>,
    host: String,
    port: Option<u16>,
    id: Option<IdPattern>,
    serial: Option<Pattern>,
    product: Option<Pattern>,
    class: Option<ClassPattern>,
    busid: Option<Pattern>,
}

/// Reads the wanted devices.
///
/// # Errors
/// See [`ConfigError`].
pub fn read(path: &Path) -> Result<Vec<Wanted>, ConfigError> {
    let file: File = read_config(path)?;
    check(file).map_err(|reason| ConfigError::invalid(path, reason))
}

fn check(file: File) -> Result<Vec<Wanted>, String> {
    let (least, most) = (RETRY_MAX.start(), RETRY_MAX.end());
    if !RETRY_MAX.contains(&file.retry_max) {
        return Err(format!("retry-max must be {least} to {most} seconds"));
    }
    if file.attach.len() > MAX_WANTED {
        return Err(format!("there are more than {MAX_WANTED} [[attach]]"));
    }
    let mut names = HashSet::new();
    let mut wanted = Vec::new();
    for (index, attach) in file.attach.into_iter().enumerate() {
        let number = index + 1;
        let one = want(attach, file.dead_peer, file.retry_max)
            .map_err(|reason| format!("[[attach]] number {number} {reason}"))?;
        if !names.insert(one.name.clone()) {
            let name = &one.name;
            return Err(format!(
                "two [[attach]] are called \"{name}\": give each a name of its own"
            ));
        }
        wanted.push(one);
    }
    Ok(wanted)
}

fn want(attach: Attach, dead_peer: DeadPeerLimit, retry_max: u64) -> Result<Wanted, String> {
    let selector = Selector {
        id: attach.id,
        serial: attach.serial,
        product: attach.product,
        class: attach.class,
        busid: attach.busid,
    };
    if selector.is_empty() {
        return Err("names no device: give id, serial, product, class or busid".to_owned());
    }
    if attach.host.is_empty() || attach.host.contains(char::is_whitespace) {
        return Err(format!("has no host in host = \"{}\"", attach.host));
    }
    let name = attach
        .name
        .unwrap_or_else(|| default_name(&attach.host, &selector));
    if !is_name(&name) {
        return Err(format!(
            "has the name \"{name}\": use 1 to {MAX_NAME} letters, digits, '.', '_' and '-', not \
             starting with '.'"
        ));
    }
    let port = match attach.port {
        // A number is always a port.
        Some(port) => port.to_string().parse().unwrap_or_default(),
        None => TcpPort::default(),
    };
    Ok(Wanted {
        name,
        server: Server {
            host: attach.host,
            port,
            dead_peer,
        },
        selector,
        retry_max: Duration::from_secs(retry_max),
    })
}

/// Host and device, in letters a file name may have.
fn default_name(host: &str, selector: &Selector) -> String {
    let parts = [
        selector.id.map(|id| id.to_string()),
        selector.serial.as_ref().map(ToString::to_string),
        selector.product.as_ref().map(ToString::to_string),
        selector.class.as_ref().map(ToString::to_string),
        selector.busid.as_ref().map(ToString::to_string),
    ];
    let parts = std::iter::once(host.to_owned()).chain(parts.into_iter().flatten());
    let text = parts.collect::<Vec<_>>().join("_");
    let letters = text.chars().map(|letter| match letter {
        letter if is_letter(letter) => letter,
        _ => '-',
    });
    letters.take(MAX_NAME).collect()
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

/// Whether a device can be called that; such a name is also that of a file.
pub fn is_name(name: &str) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len());
    fits && !name.starts_with('.') && name.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Wanted>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("connect.toml");
        std::fs::write(&path, text).unwrap();
        super::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_can_be_said() {
        let wanted = read(
            "dead-peer = 20\nretry-max = 60\n\
             [[attach]]\nname = 'scanner'\nhost = 'attic'\nport = 3241\nid = '0781:5567'\n\
             serial = '4C*'\n[[attach]]\nhost = '10.0.0.1'\nbusid = '1-2'\n",
        )
        .unwrap();
        let [scanner, other] = wanted.as_slice() else {
            panic!("{wanted:?}");
        };
        assert_eq!(
            (scanner.name.as_str(), scanner.server.port.number()),
            ("scanner", 3241)
        );
        assert_eq!(scanner.retry_max, Duration::from_secs(60));
        assert_eq!(
            (other.name.as_str(), other.server.port.number()),
            ("10.0.0.1_1-2", 3240)
        );
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            (
                "[[attach]]\nhost = 'h'\n",
                "[[attach]] number 1 names no device",
            ),
            ("[[attach]]\nid = '1:2'\n", "missing field `host`"),
            (
                "[[attach]]\nhost = 'h'\nclass = 'disk'",
                "'disk' is not a class",
            ),
            ("[[attach]]\nhost = ''\nid = '1:2'", "has no host"),
            (
                "[[attach]]\nhost = 'h'\nid = '1:2'\nname = '../x'",
                "use 1 to 64 letters",
            ),
            ("[[attach]]\nhost = 'h'\nid = '1:2'\nport = 70000", "port"),
            ("retry-max = 0", "retry-max must be 1 to 3600 seconds"),
            (
                "[[attach]]\nhost = 'h'\nid = '1:2'\n[[attach]]\nhost = 'h'\nid = '1:2'",
                "give each a name of its own",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
