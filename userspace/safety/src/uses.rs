// SPDX-License-Identifier: GPL-2.0

//! Uses of `unsafe` in a file: by its tokens, so that macros count and comments do not.

use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// What is unsafe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `unsafe { ... }`: something is promised here.
    Block,
    /// `unsafe fn`: something is asked of the caller.
    Function,
    /// `unsafe impl`: a type promises something.
    Impl,
    /// `unsafe trait`: something is asked of types.
    Trait,
    /// `unsafe extern`: functions of C's, declared by hand.
    Extern,
    /// `#[unsafe(...)]`: an attribute that can break something.
    Attribute,
}

/// A use.
#[derive(Debug)]
pub struct Use {
    /// What it is.
    pub kind: Kind,
    /// Its line, from 1.
    pub line: usize,
    /// The first line of why it is right, or of what is asked for.
    pub reason: Option<String>,
}

/// All uses in a file, in their order.
///
/// # Errors
/// The file does not consist of Rust's tokens.
pub fn of(text: &str) -> Result<Vec<Use>, LexError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut uses = Vec::new();
    walk(TokenStream::from_str(text)?, &lines, &mut uses);
    Ok(uses)
}

fn walk(tokens: TokenStream, lines: &[&str], uses: &mut Vec<Use>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => walk(group.stream(), lines, uses),
            TokenTree::Ident(word) if word == "unsafe" => {
                if let Some(kind) = kind(&mut tokens) {
                    let line = word.span().start().line;
                    let reason = match kind {
                        Kind::Extern => Some("as C declares them".to_owned()),
                        _ => reason(lines, line),
                    };
                    uses.push(Use { kind, line, reason });
                }
            }
            _ => {}
        }
    }
}

/// What follows the word; [`None`] for a type of functions.
fn kind(tokens: &mut Peekable<impl Iterator<Item = TokenTree>>) -> Option<Kind> {
    let mut is_extern = false;
    loop {
        match tokens.peek()? {
            TokenTree::Group(group) => {
                return match group.delimiter() {
                    Delimiter::Brace if is_extern => Some(Kind::Extern),
                    Delimiter::Brace => Some(Kind::Block),
                    _ => Some(Kind::Attribute),
                }
            }
            TokenTree::Ident(word) if word == "impl" => return Some(Kind::Impl),
            TokenTree::Ident(word) if word == "trait" => return Some(Kind::Trait),
            TokenTree::Ident(word) if word == "fn" => {
                tokens.next();
                return match tokens.peek()? {
                    TokenTree::Ident(_) => Some(Kind::Function),
                    _ => None,
                };
            }
            // extern "C"
            _ => {
                is_extern = true;
                tokens.next();
            }
        }
    }
}

/// The nearest comment above that says `SAFETY:`, or section `# Safety` of the documentation.
fn reason(lines: &[&str], line: usize) -> Option<String> {
    let above = lines.get(..line)?.iter().rev();
    let texts: Vec<&str> = above.take(MOST_LINES).map(|line| line.trim()).collect();
    texts.iter().enumerate().find_map(|(index, text)| {
        if let Some((_, reason)) = text.split_once("// SAFETY:") {
            return Some(reason.trim().to_owned());
        }
        let is_section = text.strip_prefix("///")?.trim() == "# Safety";
        let rest = texts.get(..index)?.iter().rev();
        let mut words = rest.filter_map(|line| line.strip_prefix("///"));
        let first = words.find(|line| !line.trim().is_empty())?;
        is_section.then(|| first.trim().to_owned())
    })
}

/// How far above a reason may be: a statement or a list of attributes can be long.
const MOST_LINES: usize = 20;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block => "block",
            Self::Function => "function",
            Self::Impl => "impl",
            Self::Trait => "trait",
            Self::Extern => "declarations",
            Self::Attribute => "attribute",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_from_the_others() {
        let text = "
            // SAFETY: Here.
            fn f() { call!(unsafe { g() }) } // unsafe {}
            /// # Safety
            ///
            /// Be careful.
            unsafe extern \"C\" fn g(f: unsafe extern \"C\" fn(u8), text: &str) {}
            unsafe impl Send for S {}
            unsafe extern \"C\" { fn h(); }
            pub unsafe trait T {}
            #[unsafe(no_mangle)]
            static TEXT: &str = \"unsafe {}\";
        ";
        let uses = of(text).unwrap();
        let kinds: Vec<Kind> = uses.iter().map(|one| one.kind).collect();
        let expected = [
            Kind::Block,
            Kind::Function,
            Kind::Impl,
            Kind::Extern,
            Kind::Trait,
            Kind::Attribute,
        ];
        assert_eq!(kinds, expected);
        let reasons: Vec<_> = uses.iter().map(|one| one.reason.as_deref()).collect();
        assert_eq!(reasons[..2], [Some("Here."), Some("Be careful.")]);
    }

    #[test]
    fn a_use_without_a_reason_has_none() {
        let uses = of("fn f() { unsafe { g() } }").unwrap();
        assert!(uses[0].reason.is_none());
    }
}
