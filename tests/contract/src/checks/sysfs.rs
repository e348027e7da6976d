// SPDX-License-Identifier: GPL-2.0

//! The files of an idle virtual host controller, byte for byte, and the root hubs.

use crate::attribute;
use crate::kind::Role;
use crate::report::{Outcome, Report};
use crate::root_hub::folders;
use crate::vhci::{Vhci, PLATFORM};
use crate::wire;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("sysfs", &[Role::Vhci], |report| {
        platform(report);
        status(report);
        debug_flag(report);
        root_hubs(report);
        report.check("sysfs.unbound-controller", unbound);
    });
}

fn platform(report: &mut Report) {
    let vhci = Vhci;
    report.check("sysfs.nports", move || {
        Ok(attribute::read(vhci.file("nports")))
    });
    report.check("sysfs.files", move || {
        Ok(attribute::files(format!("{PLATFORM}/vhci_hcd.0"))?.join(" "))
    });
    report.check("sysfs.files-of-second", || {
        Ok(attribute::files(format!("{PLATFORM}/vhci_hcd.1"))?.join(" "))
    });
    report.check("sysfs.controllers", || {
        let mut names: Vec<String> = fs::read_dir(PLATFORM)?
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|name| name.contains("vhci"))
            .collect();
        names.sort();
        Ok(names.join(" "))
    });
    report.check("sysfs.driver", || {
        Ok(attribute::target(format!("{PLATFORM}/vhci_hcd.0/driver")))
    });
    report.check("sysfs.modalias", move || {
        Ok(attribute::read(vhci.file("modalias")))
    });
    report.check("sysfs.uevent", move || {
        Ok(attribute::read(vhci.file("uevent")))
    });
    for name in ["attach", "detach"] {
        report.check(&format!("sysfs.read-{name}"), move || {
            Ok(attribute::read(vhci.file(name)))
        });
    }
    for name in ["nports", "status", "status.1"] {
        report.check(&format!("sysfs.write-{name}"), move || {
            Ok(attribute::write(vhci.file(name), "1"))
        });
    }
}

fn status(report: &mut Report) {
    let vhci = Vhci;
    for controller in 0..9 {
        report.check(&format!("sysfs.status-{controller}"), move || {
            Ok(attribute::read(vhci.status_file(controller)))
        });
    }
}

/// A controller without its driver: its rows, its ports, and what it is afterwards.
fn unbound() -> Outcome {
    let vhci = Vhci;
    let (_ours, kernels) = wire::pair()?;
    let driver = |file: &str| {
        let path = format!("/sys/bus/platform/drivers/vhci_hcd/{file}");
        attribute::write(path, "vhci_hcd.1")
    };
    let port = vhci.port(1, 0);
    let mut texts = vec![driver("unbind")];
    texts.push(attribute::read(vhci.status_file(1)));
    texts.push(vhci.attach_line(&format!("{port} FD 65538 3"), kernels.as_fd()));
    texts.push(vhci.detach(&port.to_string()));
    texts.push(driver("bind"));
    texts.push(attribute::read(vhci.status_file(1)));
    Ok(texts.join(" "))
}

fn debug_flag(report: &mut Report) {
    const TEXTS: &[(&str, &str)] = &[
        ("empty", ""),
        ("not-a-number", "x"),
        ("hexadecimal", "ff"),
        ("prefix", "0x10"),
        ("blank", " 7"),
        ("trailing", "7 trailing"),
        ("newline", "8\n"),
        ("negative", "-1"),
        ("too-large", "11111111111111111111"),
        ("zero", "0"),
    ];
    for (name, text) in TEXTS {
        report.check(&format!("sysfs.debug-{name}"), move || {
            let file = Vhci.file("usbip_debug");
            let written = attribute::write(&file, text);
            Ok(format!("{written} {}", attribute::read(file)))
        });
    }
}

fn root_hubs(report: &mut Report) {
    const FILES: &[&str] = &[
        "speed",
        "version",
        "maxchild",
        "bMaxPower",
        "bmAttributes",
        "bDeviceClass",
        "bDeviceProtocol",
        "bMaxPacketSize0",
        "idVendor",
        "idProduct",
        "bcdDevice",
        "manufacturer",
        "product",
        "serial",
        "descriptors",
        "authorized",
        "authorized_default",
        "removable",
        "ltm_capable",
        "rx_lanes",
        "tx_lanes",
        "quirks",
        "power/control",
        "power/wakeup",
        "power/autosuspend_delay_ms",
        "power/usb2_hardware_lpm",
        "power/usb3_hardware_lpm_u1",
    ];
    for (index, tag) in ["hs", "ss"].into_iter().enumerate() {
        for file in FILES {
            let id = format!("sysfs.{tag}-hub-{}", file.replace('/', "-"));
            report.check(&id, move || {
                let hubs = folders(0)?;
                Ok(attribute::read(hubs.get(index).ok_or("no hub")?.join(file)))
            });
        }
    }
    report.check("sysfs.hubs-of-all", || {
        let counts: Result<Vec<usize>, _> = (0..Vhci.controllers())
            .map(|controller| folders(controller).map(|hubs| hubs.len()))
            .collect();
        Ok(format!("{:?}", counts?))
    });
    report.check("sysfs.serial-of-last", || {
        let last = Vhci.controllers().saturating_sub(1);
        let serials = folders(last)?
            .iter()
            .map(|hub| attribute::read(hub.join("serial")))
            .collect::<Vec<_>>();
        Ok(serials.join(" "))
    });
    report.check("sysfs.hub-driver", || {
        let interface = |hub: &Path| {
            let number = hub
                .file_name()?
                .to_string_lossy()
                .strip_prefix("usb")?
                .to_owned();
            Some(attribute::target(
                hub.join(format!("{number}-0:1.0/driver")),
            ))
        };
        Ok(format!(
            "{:?}",
            folders(0)?
                .iter()
                .map(|hub| interface(hub))
                .collect::<Vec<_>>()
        ))
    });
}
