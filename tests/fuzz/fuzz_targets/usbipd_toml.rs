// SPDX-License-Identifier: GPL-2.0

//! `/etc/usbip/usbipd.toml`: where usbipd listens, and the rules by which it exports.

#![no_main]
#![allow(
    dead_code,
    reason = "the service uses more of its sources than its configuration does"
)]

#[path = "../../../userspace/usbipd/src/address.rs"]
mod address;
#[path = "../../../userspace/usbipd/src/config.rs"]
mod config;
#[path = "../../../userspace/usbipd/src/options.rs"]
mod options;

use config::Config;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use usbip_fuzz::{within_toml, MemoryFile};
use usbip_identity::{DeviceId, Identity, Match, Selector};

/// What the sources above expect of their crate.
const USBIP: &str = "usbip";

static FILE: LazyLock<MemoryFile> = LazyLock::new(MemoryFile::new);

fuzz_target!(|data: &[u8]| {
    let path = FILE.hold(data);
    let config = within_toml(data, || Config::read(Some(&path)));
    let Ok(config) = config else {
        return;
    };
    assert!((1..=65_536).contains(&config.max_connections));
    for rule in &config.allow {
        check(rule);
    }
});

/// A rule says the same about a device every time, and fewer parts never fit less.
fn check(rule: &Selector) {
    assert!(!rule.is_empty());
    let stick = stick();
    let verdict = rule.judge(&stick);
    assert_eq!(rule.judge(&stick), verdict);
    assert_ne!(
        verdict,
        Match::Unknown,
        "everything is known of a local device"
    );
    let looser = Selector {
        serial: None,
        product: None,
        ..rule.clone()
    };
    if verdict == Match::Yes {
        assert_eq!(looser.judge(&stick), Match::Yes);
    }
    if let Some(id) = rule.id {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Some(class) = &rule.class {
        assert_eq!(class.to_string().parse().as_ref(), Ok(class));
    }
}

fn stick() -> Identity {
    Identity {
        busid: "1-2.4".to_owned(),
        id: DeviceId {
            vendor: 0x781,
            product: 0x5567,
        },
        serial: Some("4C530001230101117212".to_owned()),
        product: Some("Cruzer Blade".to_owned()),
        classes: vec![[0, 0, 0], [8, 6, 0x50]],
        strings_known: true,
    }
}
