// SPDX-License-Identifier: GPL-2.0

//! The checks, in groups by what they are about.

mod attach;
mod concurrency;
mod detach;
mod ending;
mod enumeration;
mod export;
mod hostile;
mod hub;
mod interop;
mod iso;
mod overdue;
mod replies;
mod special;
mod speeds;
mod suspend;
mod sysfs;
mod table;
mod unlink;

use crate::report::Report;

type Group = fn(&mut Report);

const GROUPS: &[(&str, Group)] = &[
    ("sysfs", sysfs::run),
    ("attach", attach::run),
    ("detach", detach::run),
    ("enumeration", enumeration::run),
    ("speeds", speeds::run),
    ("replies", replies::run),
    ("unlink", unlink::run),
    ("overdue", overdue::run),
    ("iso", iso::run),
    ("hub", hub::run),
    ("ending", ending::run),
    ("table", table::run),
    ("export", export::run),
    ("special", special::run),
    ("hostile", hostile::run),
    ("concurrency", concurrency::run),
    ("suspend", suspend::run),
    ("interop", interop::run),
];

/// The names of all groups.
pub fn names() -> Vec<&'static str> {
    GROUPS.iter().map(|(name, _)| *name).collect()
}

/// The group with that name.
pub fn group(name: &str) -> Option<Group> {
    GROUPS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, run)| *run)
}
