// SPDX-License-Identifier: GPL-2.0

//! System suspend, as far as the devices: the kernel then resumes by itself.

use crate::attribute;
use crate::import::Import;
use crate::kind::Role;
use crate::peer::Peer;
use crate::pipe::liveness;
use crate::report::{Outcome, Report};
use crate::scripted::Speed;
use crate::stub::Local;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("suspend", &[Role::Host, Role::Vhci], |report| {
        report.check("suspend.test-mode", || {
            Ok(attribute::write("/sys/power/pm_test", "devices"))
        });
        report.check("suspend.idle", || Ok(suspend()));
        report.check("suspend.attached", || attached(Speed::High));
        report.check("suspend.attached-super", || attached(Speed::Super));
        report.check("suspend.idle-again", || Ok(suspend()));
        report.check("suspend.exported", || {
            let export = Local::stick()?.export()?;
            let suspended = suspend();
            Ok(format!(
                "{suspended}, {}",
                Peer::connect(&export.device)?.liveness()
            ))
        });
        report.check("suspend.in-use", || {
            let export = Local::stick()?.export()?;
            let mut peer = Peer::connect(&export.device)?;
            let suspended = suspend();
            Ok(format!("{suspended}, {}", peer.liveness()))
        });
        report.check("suspend.no-test-mode", || {
            Ok(attribute::write("/sys/power/pm_test", "none"))
        });
    });
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
