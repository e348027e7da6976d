// SPDX-License-Identifier: GPL-2.0

//! The table of names: its bytes, its limits, and what becomes of a name with a real device.

use crate::attribute;
use crate::kind::Role;
use crate::report::{Outcome, Report};
use crate::stub::{self, Local};

/// Texts written to `match_busid`, one after the other into a table that fills up.
const TEXTS: &[(&str, &str)] = &[
    ("one-byte", "a"),
    ("verb-cut-off", "add"),
    ("add-nothing", "add "),
    ("add-blank", "add  "),
    ("del-unknown", "del 9-9"),
    ("other-verb", "mod 9-9"),
    ("capitals", "ADD 9-9"),
    ("no-blank", "add9-9 "),
    ("add", "add 9-9"),
    ("add-again", "add 9-9"),
    ("add-newline", "add 8-8\n"),
    ("del-without-newline", "del 8-8"),
    ("add-any-text", "add any thing"),
    ("add-31-bytes", "add 1111111111111111111111111111111"),
    ("add-32-bytes", "add 11111111111111111111111111111111"),
    (
        "other-verb-32-bytes",
        "xyz 11111111111111111111111111111111",
    ),
    ("del-32-bytes", "del 11111111111111111111111111111111"),
    ("add-zero-byte", "add 7-7\0rest"),
];

/// What becomes of a name, one step after the other.
type Step = fn(&Local) -> String;

const ADD: Step = |device| device.command("add");
const DEL: Step = |device| device.command("del");
const BIND: Step = Local::bind;
const UNBIND: Step = |device| device.unbind("usbip-host");
const LEAVE_USB: Step = |device| device.unbind("usb");
const REBIND: Step = |device| stub::write("rebind", &device.busid);
const SHOW: Step = |device| stub::table().replace(&device.busid, "BUSID");
const DRIVER: Step = Local::driver;
const STATUS: Step = Local::status;

const STORIES: &[(&str, &[Step])] = &[
    (
        "export",
        &[ADD, SHOW, LEAVE_USB, BIND, SHOW, STATUS, DRIVER],
    ),
    ("bind-unknown", &[LEAVE_USB, BIND, DRIVER]),
    ("bind-while-on-usb", &[ADD, BIND, DRIVER]),
    ("bind-twice", &[ADD, LEAVE_USB, BIND, BIND, DRIVER]),
    ("unbind", &[ADD, LEAVE_USB, BIND, UNBIND, SHOW, DRIVER]),
    ("unbind-not-bound", &[ADD, UNBIND]),
    (
        "unbind-bind",
        &[ADD, LEAVE_USB, BIND, UNBIND, BIND, SHOW, STATUS],
    ),
    (
        "rebind-bound",
        &[ADD, LEAVE_USB, BIND, REBIND, SHOW, DRIVER],
    ),
    (
        "rebind-unbound",
        &[ADD, LEAVE_USB, BIND, UNBIND, REBIND, SHOW, DRIVER],
    ),
    (
        "rebind-twice",
        &[ADD, LEAVE_USB, BIND, UNBIND, REBIND, REBIND],
    ),
    (
        "del-bound",
        &[ADD, LEAVE_USB, BIND, DEL, SHOW, STATUS, DRIVER],
    ),
    (
        "del-bound-unbind",
        &[ADD, LEAVE_USB, BIND, DEL, UNBIND, SHOW],
    ),
    (
        "del-bound-unbind-rebind",
        &[ADD, LEAVE_USB, BIND, DEL, UNBIND, REBIND, SHOW, DRIVER],
    ),
    (
        "del-bound-unbind-bind",
        &[ADD, LEAVE_USB, BIND, DEL, UNBIND, BIND],
    ),
    ("add-bound", &[ADD, LEAVE_USB, BIND, ADD, SHOW, STATUS]),
    (
        "tools-order",
        &[ADD, LEAVE_USB, BIND, UNBIND, DEL, REBIND, SHOW, DRIVER],
    ),
    ("del-unbound", &[ADD, LEAVE_USB, BIND, UNBIND, DEL, SHOW]),
    ("del-fresh", &[ADD, DEL, SHOW]),
    ("del-fresh-bind", &[ADD, DEL, LEAVE_USB, BIND, DRIVER]),
    (
        "del-add-bound-unbind-bind",
        &[ADD, LEAVE_USB, BIND, DEL, ADD, UNBIND, BIND],
    ),
    (
        "del-bound-unbind-add-bind",
        &[ADD, LEAVE_USB, BIND, DEL, UNBIND, ADD, BIND],
    ),
    ("rebind-fresh", &[ADD, REBIND, SHOW]),
];

/// Runs the group.
pub fn run(report: &mut Report) {
    report.with_modules("table", &[Role::Host], |report| {
        report.check("table.files", || {
            Ok(attribute::files("/sys/bus/usb/drivers/usbip-host")?.join(" "))
        });
        report.check("table.empty", || Ok(stub::table()));
        report.check("table.write-nothing", || Ok(stub::write("match_busid", "")));
        report.check("table.read-rebind", || {
            Ok(attribute::read("/sys/bus/usb/drivers/usbip-host/rebind"))
        });
        rebind_texts(report);
        for (name, steps) in STORIES {
            report.check(&format!("table.{name}"), move || story(steps));
        }
    });
    // A table nothing has been taken out of yet.
    report.with_modules("table.texts", &[Role::Host], |report| {
        for (name, text) in TEXTS {
            report.check(&format!("table.{name}"), move || {
                Ok(format!(
                    "{} {}",
                    stub::write("match_busid", text),
                    stub::table()
                ))
            });
        }
        report.check("table.fill", fill);
        for (name, text) in [
            ("bind-unknown-name", "6-6"),
            ("bind-hub", "usb1"),
            ("bind-interface", "1-0:1.0"),
        ] {
            report.check(&format!("table.{name}"), move || {
                Ok(format!(
                    "{} {}",
                    stub::write("bind", text),
                    stub::write("unbind", text)
                ))
            });
        }
        report.check("table.bind-hub-in-table", || {
            Ok(stub::write("bind", "usb1"))
        });
    });
}

fn rebind_texts(report: &mut Report) {
    for (name, text) in [
        ("empty", ""),
        ("unknown", "6-6"),
        ("newline", "6-6\n"),
        ("32-bytes", "11111111111111111111111111111111"),
    ] {
        report.check(&format!("table.rebind-{name}"), move || {
            Ok(stub::write("rebind", text))
        });
    }
}

/// Names until there is no room; then one of them out and in again.
fn fill() -> Outcome {
    let added: Vec<String> = (0..17)
        .map(|number| stub::write("match_busid", &format!("add 5-{number}")))
        .collect();
    let known = stub::write("match_busid", "add 5-0");
    Ok(format!("{} {known} {}", added.join(" "), stub::table()))
}

fn story(steps: &[Step]) -> Outcome {
    let device = Local::stick()?;
    let results: Vec<String> = steps.iter().map(|step| step(&device)).collect();
    let back = device.give_back();
    Ok(format!(
        "{}; back on {back}, {}",
        results.join(" "),
        stub::table().replace(&device.busid, "BUSID")
    ))
}
