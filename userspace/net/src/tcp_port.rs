// SPDX-License-Identifier: GPL-2.0

//! TCP port numbers given on the command line.

use std::fmt;
use std::str::FromStr;

use log::{error, info};
use thiserror::Error;

/// Port a server listens on unless told otherwise.
const DEFAULT: u16 = 3240;

/// A port number together with its spelling, which is what messages and records show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpPort {
    number: u16,
    text: String,
}

/// Why a text is no port number. Texts as in `usbip_network.c:usbip_setup_port_number`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidTcpPort {
    /// It does not start with a number.
    #[error("port: could not parse '{0}' as a decimal integer")]
    NotANumber(String),
    /// Something follows the number.
    #[error("port: garbage at end of '{0}'")]
    Garbage(String),
    /// It is above 65535, or negative.
    #[error("port: {0} too high (max=65535)")]
    TooHigh(String),
}

impl TcpPort {
    /// The number.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The last of `texts` that makes sense, or the default; every other one is told, in the name
    /// of `target`, and passed over.
    pub fn choose(texts: &[String], target: &str) -> Self {
        let mut chosen = Self::default();
        for text in texts {
            match text.parse::<Self>() {
                Ok(port) => {
                    info!(target: target, "using port {} (\"{port}\")", port.number());
                    chosen = port;
                }
                Err(reason) => error!(target: target, "{reason}"),
            }
        }
        chosen
    }
}

impl Default for TcpPort {
    fn default() -> Self {
        Self {
            number: DEFAULT,
            text: DEFAULT.to_string(),
        }
    }
}

impl fmt::Display for TcpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TcpPort {
    type Err = InvalidTcpPort;

    /// Accepts what `strtoul` in base 10 accepts: blanks, a sign, digits.
    fn from_str(text: &str) -> Result<Self, InvalidTcpPort> {
        let unsigned = text.trim_ascii_start();
        let negative = unsigned.starts_with('-');
        let digits = unsigned.strip_prefix(['+', '-']).unwrap_or(unsigned);
        let rest = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if rest.len() == digits.len() {
            return Err(InvalidTcpPort::NotANumber(text.to_owned()));
        }
        if !rest.is_empty() {
            return Err(InvalidTcpPort::Garbage(text.to_owned()));
        }
        match digits.parse() {
            Ok(number) if !negative || number == 0 => Ok(Self {
                number,
                text: text.to_owned(),
            }),
            _ => Err(InvalidTcpPort::TooHigh(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_c() {
        let parse = |text: &str| text.parse::<TcpPort>().map(|port| port.number());
        assert_eq!(parse("3241"), Ok(3241));
        assert_eq!(parse(" +0080"), Ok(80));
        assert_eq!(parse("0"), Ok(0));
        let text = |input: &str| parse(input).unwrap_err().to_string();
        assert_eq!(text("65536"), "port: 65536 too high (max=65535)");
        assert_eq!(text("-1"), "port: -1 too high (max=65535)");
        assert_eq!(text("80x"), "port: garbage at end of '80x'");
        assert_eq!(text("0x50"), "port: garbage at end of '0x50'");
        assert_eq!(text(""), "port: could not parse '' as a decimal integer");
        assert_eq!(text("-"), "port: could not parse '-' as a decimal integer");
    }
}
