// SPDX-License-Identifier: GPL-2.0

//! `/etc/usbip/connect.toml`: what usbip-connectd keeps attached.

#![no_main]
#![allow(
    dead_code,
    reason = "the service uses more of its sources than its configuration does"
)]

#[path = "../../../userspace/connectd/src/config.rs"]
mod config;
#[path = "../../../userspace/connectd/src/wanted.rs"]
mod wanted;

use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;
use usbip_fuzz::{within_toml, MemoryFile};
use wanted::Wanted;

static FILE: LazyLock<MemoryFile> = LazyLock::new(MemoryFile::new);

fuzz_target!(|data: &[u8]| {
    let path = FILE.hold(data);
    let wanted = within_toml(data, || config::read(&path));
    let Ok(wanted) = wanted else {
        return;
    };
    assert!(wanted.len() <= 960);
    let names: HashSet<_> = wanted.iter().map(|one| &one.name).collect();
    assert_eq!(names.len(), wanted.len());
    wanted.iter().for_each(check);
});

fn check(one: &Wanted) {
    // The name becomes that of a file.
    assert!(!one.name.is_empty() && one.name.len() <= 64 && !one.name.starts_with('.'));
    assert!(!one.name.contains(['/', '\0', '\n']));
    assert!(!one.selector.is_empty() && one.selector.class.is_none());
    assert!(!one.server.host.is_empty());
    assert!(!one.server.host.contains(char::is_whitespace));
    assert!((1..=3600).contains(&one.retry_max.as_secs()));
    assert_eq!(one.retry_max, Duration::from_secs(one.retry_max.as_secs()));
    if let Some(id) = one.selector.id {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
