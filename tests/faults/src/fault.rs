// SPDX-License-Identifier: GPL-2.0

//! Has allocations fail.
//!
//! Only those below our modules' functions: the kernel looks at the stack before it counts.
//! (Documentation/fault-injection/fault-injection.rst)

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::PathBuf;

/// What has allocations fail: those of slab objects, those of pages.
const ATTRIBUTES: [&str; 2] = [
    "/sys/kernel/debug/failslab",
    "/sys/kernel/debug/fail_page_alloc",
];
/// More than ever fail: `times` counts down from here.
const TIMES: u32 = 1_000_000;
/// How far a function's code reaches from its symbol.
const FUNCTION: u64 = 0x1000;

/// Whose allocations fail.
#[derive(Clone, Copy)]
pub struct Tasks {
    /// Those of the program itself.
    pub caller: bool,
    /// Those of kernel threads whose names begin so.
    pub threads: &'static [&'static str],
}

impl Tasks {
    /// The program's own allocations.
    pub const CALLER: Self = Self {
        caller: true,
        threads: &[],
    };
    /// Those of the kernel's workers.
    pub const WORKERS: Self = Self::threads(&["kworker/"]);

    /// Those of kernel threads whose names begin so.
    pub const fn threads(threads: &'static [&'static str]) -> Self {
        Self {
            caller: false,
            threads,
        }
    }

    /// Those of the program, and of kernel threads whose names begin so.
    pub const fn all(threads: &'static [&'static str]) -> Self {
        Self {
            caller: true,
            threads,
        }
    }
}

/// The fault injection of the kernel, set to our modules.
pub struct Injector(());

/// One failure: of the n-th allocation of each task.
pub struct Fault<'a> {
    injector: &'a Injector,
    tasks: Tasks,
    nth: u32,
    injected: Cell<u32>,
}

impl Injector {
    /// Limits failures to our modules, which are loaded.
    pub fn new() -> io::Result<Self> {
        let (start, end) = text()?;
        for attribute in ATTRIBUTES {
            let set = |file: &str, value: &str| set(attribute, file, value);
            set("require-start", &format!("{start:#x}"))?;
            set("require-end", &format!("{end:#x}"))?;
            set("stacktrace-depth", "32")?;
            set("ignore-gfp-wait", "N")?;
            // A stack trace would look as if something were wrong.
            set("verbose", "1")?;
            set("probability", "0")?;
            set("interval", "1")?;
        }
        set(ATTRIBUTES[1], "ignore-gfp-highmem", "N")?;
        set(ATTRIBUTES[1], "min-order", "0")?;
        Ok(Self(()))
    }

    /// A failure of the n-th allocation.
    pub fn nth(&self, tasks: Tasks, nth: u32) -> Fault<'_> {
        Fault {
            injector: self,
            tasks,
            nth,
            injected: Cell::new(0),
        }
    }

    /// Has one in so many allocations fail, whoever asks for them and in whatever context, until it
    /// is called with 0.
    pub fn storm(&self, percent: u32) -> io::Result<()> {
        for attribute in ATTRIBUTES {
            set(attribute, "times", &TIMES.to_string())?;
            set(attribute, "probability", &percent.to_string())?;
        }
        Ok(())
    }

    /// How many have failed since the count began.
    pub fn injected(&self) -> io::Result<u32> {
        let mut sum = 0;
        for attribute in ATTRIBUTES {
            let text = fs::read_to_string(format!("{attribute}/times"))?;
            let left: u32 = text.trim().parse().map_err(io::Error::other)?;
            sum += TIMES - left;
        }
        Ok(sum)
    }

    fn count_from_zero(&self) -> io::Result<()> {
        ATTRIBUTES
            .iter()
            .try_for_each(|attribute| set(attribute, "times", &TIMES.to_string()))
    }
}

impl Fault<'_> {
    /// Does something, during which the allocation fails.
    pub fn during<T>(&self, act: impl FnOnce() -> T) -> io::Result<T> {
        self.injector.count_from_zero()?;
        let mut files = threads(self.tasks.threads)?;
        if self.tasks.caller {
            files.push(PathBuf::from("/proc/thread-self/fail-nth"));
        }
        for file in &files {
            // A thread may end at any time.
            let _ = fs::write(file, self.nth.to_string());
        }
        let outcome = act();
        for file in &files {
            let _ = fs::write(file, "0");
        }
        self.injected
            .set(self.injected.get() + self.injector.injected()?);
        Ok(outcome)
    }

    /// How many allocations have failed: several threads each fail once.
    pub fn injected(&self) -> u32 {
        self.injected.get()
    }
}

fn set(attribute: &str, file: &str, value: &str) -> io::Result<()> {
    let path = format!("{attribute}/{file}");
    fs::write(&path, value).map_err(|error| io::Error::other(format!("{path}: {error}")))
}

/// The files to arm of all kernel threads with such names.
fn threads(names: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        if names.iter().any(|wanted| name.starts_with(wanted)) {
            files.push(folder.join("fail-nth"));
        }
    }
    Ok(files)
}

/// From where to where our functions are.
fn text() -> io::Result<(u64, u64)> {
    let symbols = fs::read_to_string("/proc/kallsyms")?;
    let addresses = symbols.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (address, kind, module) = (words.next()?, words.next()?, words.nth(1)?);
        let is_ours = module.starts_with("[usbip_") || module.starts_with("[vhci_");
        (is_ours && kind.eq_ignore_ascii_case("t"))
            .then(|| u64::from_str_radix(address, 16).ok())?
    });
    let (mut start, mut end) = (u64::MAX, 0);
    for address in addresses {
        (start, end) = (start.min(address), end.max(address + FUNCTION));
    }
    match start < end {
        true => Ok((start, end)),
        false => Err(io::Error::other("our modules are not in /proc/kallsyms")),
    }
}
