// SPDX-License-Identifier: GPL-2.0

//! Text patterns.

use std::fmt;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// A text in which `*` stands for any characters and `?` for one; case does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that text stands for; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        WildMatch::new_case_insensitive(&self.0).matches(text)
    }

    /// The text itself when it can only match itself.
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_text_any_case() {
        assert!(Pattern::new("*cruzer*").matches("SanDisk Cruzer Blade"));
        assert!(Pattern::new("1-?").matches("1-2"));
        assert!(!Pattern::new("1-?").matches("1-2.4"));
        assert!(!Pattern::new("cruzer").matches("Cruzer Blade"));
        assert!(Pattern::new("*").matches(""));
    }

    #[test]
    fn literals_are_known() {
        assert_eq!(Pattern::new("1-2.4").literal(), Some("1-2.4"));
        assert_eq!(Pattern::new("1-*").literal(), None);
    }
}
