// SPDX-License-Identifier: GPL-2.0

//! System suspend, as far as the devices: the kernel then resumes by itself.

use crate::attribute;
use crate::import::Import;
use crate::kind::Role;
use crate::limit;
use crate::peer::Peer;
use crate::pipe::liveness;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use crate::stub::Local;
use std::fs;

/// The driver of the machine's own controllers. An emulated one does not always survive a suspend
/// that is called off, so they are away while there is no need for them.
const OWN: &str = "/sys/bus/pci/drivers/xhci_hcd";

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("suspend", &[Role::Host, Role::Vhci], |report| {
        report.check("suspend.test-mode", || {
            let delay = attribute::write("/sys/module/suspend/parameters/pm_test_delay", "0");
            let mode = attribute::write("/sys/power/pm_test", "devices");
            Ok(format!("{delay} {mode}"))
        });
        let own = own_controllers();
        for controller in &own {
            attribute::write(format!("{OWN}/unbind"), controller);
        }
        report.check("suspend.idle", || Ok(suspend()));
        report.check("suspend.attached", || attached(Speed::High));
        report.check("suspend.attached-super", || attached(Speed::Super));
        report.check("suspend.idle-again", || Ok(suspend()));
        for controller in &own {
            attribute::write(format!("{OWN}/bind"), controller);
        }
        report.check("suspend.exported", || {
            let export = Local::stick()?.export()?;
            let suspended = suspend();
            Ok(format!("{suspended}, {}", fate(&export.device)))
        });
        report.check("suspend.in-use", || {
            let export = Local::stick()?.export()?;
            let mut peer = Peer::connect(&export.device)?;
            let suspended = suspend();
            // First: until the device has gone its stub may still answer, that there is none.
            let fate = fate(&export.device);
            Ok(format!("{suspended}, {}, {fate}", peer.liveness()))
        });
        report.check("suspend.no-test-mode", || {
            Ok(attribute::write("/sys/power/pm_test", "none"))
        });
    });
}

fn own_controllers() -> Vec<String> {
    let entries = fs::read_dir(OWN).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("0000:")).collect()
}

/// What becomes of an exported device whose controller has lost power: it is found anew.
fn fate(device: &Local) -> String {
    let found = limit::wait_until(|| device.driver() == "usb");
    format!("found anew: {found}, {}", device.status())
}

fn suspend() -> String {
    attribute::write("/sys/power/state", "freeze")
}

fn attached(speed: Speed) -> Outcome {
    let import = Import::configured(speed)?;
    let interface = import.open()?;
    let suspended = suspend();
    Ok(format!("{suspended}, {}", liveness(&import, &interface)))
}
