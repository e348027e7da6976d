// SPDX-License-Identifier: GPL-2.0

//! The numbers in `docs/safety.md`.

use std::fmt;
use std::ops::AddAssign;

use crate::uses::{Kind, Use};

/// How many uses there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    blocks: usize,
    functions: usize,
    /// Everything else: what types, declarations and attributes promise.
    others: usize,
}

impl Count {
    /// Counts.
    pub fn of(uses: &[Use]) -> Self {
        let mut count = Self::default();
        for one in uses {
            match one.kind {
                Kind::Block => count.blocks += 1,
                Kind::Function => count.functions += 1,
                Kind::Impl | Kind::Trait | Kind::Extern | Kind::Attribute => count.others += 1,
            }
        }
        count
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.functions += other.functions;
        self.others += other.others;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            blocks,
            functions,
            others,
        } = self;
        write!(f, "{blocks} blocks, {functions} functions, {others} others")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source, uses};
    use std::collections::BTreeMap;

    /// The rows "| `path` | blocks | functions | others | what for |" of the document.
    fn rows(text: &str) -> BTreeMap<String, Count> {
        text.lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
                let path = cells.next()?.strip_suffix('`')?.to_owned();
                let mut number = || cells.next()?.parse().ok();
                let count = Count {
                    blocks: number()?,
                    functions: number()?,
                    others: number()?,
                };
                Some((path, count))
            })
            .collect()
    }

    #[test]
    fn numbers_are_those_of_the_sources() {
        let text = source::read("docs/safety.md").unwrap();
        let mut written = rows(&text);
        let mut totals = BTreeMap::<&str, Count>::new();
        for source in source::all().unwrap() {
            let uses = uses::of(&source.text).unwrap();
            let unexplained: Vec<_> = uses.iter().filter(|one| one.reason.is_none()).collect();
            assert!(unexplained.is_empty(), "{}: {unexplained:?}", source.path);
            let count = Count::of(&uses);
            let row = written.remove(&source.path).unwrap_or_default();
            assert_eq!(row, count, "docs/safety.md, {}", source.path);
            let part = match source.path.split_once('/') {
                Some(("tests", _)) => "Test programs",
                Some(("userspace", _)) => "Tools",
                _ => "Modules",
            };
            *totals.entry(part).or_default() += count;
        }
        assert_eq!(
            written,
            BTreeMap::new(),
            "docs/safety.md has files that are gone"
        );
        for (part, total) in totals {
            let line = format!("{part}: {total}.");
            assert!(text.contains(&line), "docs/safety.md has to say \"{line}\"");
        }
    }
}
