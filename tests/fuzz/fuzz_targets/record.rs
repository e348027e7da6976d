// SPDX-License-Identifier: GPL-2.0

//! `/var/run/vhci_hcd/portN`: where an attached device comes from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use usbip_client::Records;
use usbip_fixture::FakeSysfs;
use usbip_fuzz::within;
use usbip_sysfs::Port;

static TREE: LazyLock<(FakeSysfs, PathBuf)> = LazyLock::new(|| {
    let tree = FakeSysfs::new().expect("there is a temporary directory");
    let directory = tree.root().join("run");
    fs::create_dir(&directory).expect("the temporary directory can be written");
    (tree, directory)
});

fuzz_target!(|data: &[u8]| {
    let (tree, directory) = &*TREE;
    let written = tree.write("run/port0", data);
    written.expect("a file of ours can be written");
    let records = Records::new(Some(directory.clone()));
    // However long the file is, 4096 bytes of it are believed.
    let Ok(remote) = within(32_768, || records.read(Port(0))) else {
        return;
    };
    for word in [&remote.host, &remote.port, &remote.busid] {
        assert!(!word.is_empty() && !word.contains([' ', '\n']));
    }
    let line = format!("{} {} {}\n", remote.host, remote.port, remote.busid);
    assert!(data.starts_with(line.as_bytes()));
    let rewritten = records.write(Port(0), &remote);
    rewritten.expect("a record can be written");
    assert_eq!(tree.read("run/port0").ok(), Some(line));
});
