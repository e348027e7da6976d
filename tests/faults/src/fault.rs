// SPDX-License-Identifier: GPL-2.0

//! Has allocations fail.
//!
//! Only those below our modules' functions, and not below [`FORGETFUL`]: the kernel looks at the stack
//! before it counts. (Documentation/fault-injection/fault-injection.rst)

use std::cell::Cell;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

/// What has allocations fail: those of slab objects, those of pages.
const ATTRIBUTES: [&str; 2] = [
    "/sys/kernel/debug/failslab",
    "/sys/kernel/debug/fail_page_alloc",
];
/// More than ever fail: `times` counts down from here.
const TIMES: u32 = 1_000_000;
/// Without memory it marks a URB as unlinked and has nobody unlink it: whoever kills the URB waits for
/// ever, whatever the driver (Linux 7.3, `drivers/usb/host/xhci.c`).
const FORGETFUL: &str = "xhci_urb_dequeue";

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
        set_all("stacktrace-depth", "32")?;
        set_all("ignore-gfp-wait", "N")?;
        // A stack trace would look as if something were wrong.
        set_all("verbose", "1")?;
        set_all("probability", "0")?;
        set_all("interval", "1")?;
        set(ATTRIBUTES[1], "ignore-gfp-highmem", "N")?;
        set(ATTRIBUTES[1], "min-order", "0")?;
        let forgetful = range(|symbol| symbol.name == FORGETFUL)?;
        limit("reject", &forgetful.unwrap_or_default())?;
        limit_to(Symbol::is_ours)?;
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

    /// Has one in so many of the allocations below a module's functions fail, whoever asks for them and in whatever
    /// context, until [`calm`](Self::calm) is called.
    pub fn storm(&self, module: &str, percent: u32) -> io::Result<()> {
        // Another one's functions may lie between those of two modules.
        limit_to(|symbol| symbol.module == module)?;
        self.count_from_zero()?;
        set_all("probability", &percent.to_string())
    }

    /// Ends a storm.
    pub fn calm(&self) -> io::Result<()> {
        set_all("probability", "0")?;
        limit_to(Symbol::is_ours)
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
        set_all("times", &TIMES.to_string())
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

fn set_all(file: &str, value: &str) -> io::Result<()> {
    ATTRIBUTES
        .iter()
        .try_for_each(|attribute| set(attribute, file, value))
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

/// Limits failures to what is below functions that lie from the first of these to the last.
fn limit_to(wanted: impl Fn(&Symbol) -> bool) -> io::Result<()> {
    let none = || io::Error::other("our modules are not in /proc/kallsyms");
    limit("require", &range(wanted)?.ok_or_else(none)?)
}

/// Limits failures to, or rejects them for, what is below the functions in a range.
fn limit(what: &str, range: &Range<u64>) -> io::Result<()> {
    set_all(&format!("{what}-start"), &format!("{:#x}", range.start))?;
    set_all(&format!("{what}-end"), &format!("{:#x}", range.end))
}

/// Where functions are: from the first of these to what comes behind the last.
fn range(wanted: impl Fn(&Symbol) -> bool) -> io::Result<Option<Range<u64>>> {
    let symbols = Symbol::all()?;
    let chosen = symbols.iter().filter(|symbol| wanted(symbol));
    let (start, last) = chosen.fold((u64::MAX, 0), |(start, last), symbol| {
        (start.min(symbol.address), last.max(symbol.address))
    });
    let behind = symbols.iter().map(|symbol| symbol.address);
    let end = behind.filter(|address| *address > last).min();
    Ok((start <= last).then(|| start..end.unwrap_or(u64::MAX)))
}

/// A function of the kernel or of a module.
struct Symbol {
    address: u64,
    name: String,
    /// Nothing for the kernel itself.
    module: String,
}

impl Symbol {
    /// All there are.
    fn all() -> io::Result<Vec<Self>> {
        let symbols = fs::read_to_string("/proc/kallsyms")?;
        Ok(symbols.lines().filter_map(Self::parse).collect())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
        let module = words.next().unwrap_or_default();
        kind.eq_ignore_ascii_case("t").then_some(())?;
        Some(Self {
            address: u64::from_str_radix(address, 16).ok()?,
            name: name.to_owned(),
            module: module.trim_matches(['[', ']']).to_owned(),
        })
    }

    fn is_ours(&self) -> bool {
        self.module.starts_with("usbip_") || self.module.starts_with("vhci_")
    }
}
