// SPDX-License-Identifier: GPL-2.0

//! Rules that choose devices.

use std::fmt;

use serde::Deserialize;

use crate::{ClassPattern, IdPattern, Identity, Pattern};

/// A rule: every part that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Vendor and product number.
    pub id: Option<IdPattern>,
    /// Serial number.
    pub serial: Option<Pattern>,
    /// Name the device gives itself.
    pub product: Option<Pattern>,
    /// Class of the device or of one of its interfaces.
    pub class: Option<ClassPattern>,
    /// Name on its bus, for what only the port can tell.
    pub busid: Option<Pattern>,
}

/// What a rule says about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It chooses it.
    Yes,
    /// It does not.
    No,
    /// It depends on strings or interfaces that are not known.
    Unknown,
}

impl Selector {
    /// Whether nothing is given, so that it would choose every device.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for strings, which a device list does not carry.
    fn needs_strings(&self) -> bool {
        self.serial.is_some() || self.product.is_some()
    }

    /// What it says about a device.
    pub fn judge(&self, identity: &Identity) -> Match {
        let id = self.id.is_none_or(|id| id.matches(identity.id));
        let busid = fits(self.busid.as_ref(), Some(&identity.busid));
        let class = self.class.as_ref().is_none_or(|class| {
            let mut classes = identity.classes.iter();
            classes.any(|code| class.matches(*code))
        });
        let class_open = !class && !identity.interfaces_known();
        if !(id && busid && (class || class_open)) {
            return Match::No;
        }
        if class_open || self.needs_strings() && !identity.strings_known {
            return Match::Unknown;
        }
        let serial = fits(self.serial.as_ref(), identity.serial.as_deref());
        let product = fits(self.product.as_ref(), identity.product.as_deref());
        match serial && product {
            true => Match::Yes,
            false => Match::No,
        }
    }
}

/// A device without the text fits no pattern for it.
fn fits(pattern: Option<&Pattern>, text: Option<&str>) -> bool {
    match (pattern, text) {
        (None, _) => true,
        (Some(pattern), Some(text)) => pattern.matches(text),
        (Some(_), None) => false,
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name: &str, pattern: &Option<Pattern>| {
            let pattern = pattern.as_ref();
            pattern.map(|pattern| format!("{name} \"{pattern}\""))
        };
        let parts = [
            self.id.map(|id| format!("id {id}")),
            text("serial", &self.serial),
            text("product", &self.product),
            self.class.as_ref().map(|class| format!("class {class}")),
            text("busid", &self.busid),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceId;

    fn stick() -> Identity {
        Identity {
            busid: "1-2".to_owned(),
            id: DeviceId {
                vendor: 0x781,
                product: 0x5567,
            },
            serial: Some("4C530001".to_owned()),
            product: None,
            classes: vec![[0, 0, 0], [8, 6, 0x50]],
            strings_known: true,
        }
    }

    fn judge(rule: &str, identity: &Identity) -> Match {
        toml::from_str::<Selector>(rule).unwrap().judge(identity)
    }

    #[test]
    fn every_part_must_fit() {
        for (rule, expected) in [
            ("id = '0781:5567'", Match::Yes),
            ("id = '0781:5567'\nserial = '4c53*'", Match::Yes),
            ("id = '0781:5567'\nserial = 'X*'", Match::No),
            ("class = 'storage'\nbusid = '1-*'", Match::Yes),
            ("class = 'hid'", Match::No),
            // A device without a name has no name that fits.
            ("product = '*'", Match::No),
        ] {
            assert_eq!(judge(rule, &stick()), expected, "{rule}");
        }
    }

    #[test]
    fn unknown_strings_leave_it_open() {
        let mut remote = stick();
        remote.serial = None;
        remote.strings_known = false;
        assert_eq!(judge("serial = 'X'", &remote), Match::Unknown);
        assert_eq!(judge("serial = 'X'\nid = '1:2'", &remote), Match::No);
        assert_eq!(judge("id = '0781:*'", &remote), Match::Yes);
    }

    #[test]
    fn unknown_interfaces_leave_it_open() {
        let mut remote = stick();
        remote.classes = vec![[0, 0, 0]];
        assert_eq!(judge("class = 'storage'", &remote), Match::Unknown);
        assert_eq!(judge("class = 'storage'\nid = '1:2'", &remote), Match::No);
        remote.classes = vec![[8, 6, 0x50]];
        assert_eq!(judge("class = 'storage'", &remote), Match::Yes);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| toml::from_str::<Selector>(text).unwrap_err().to_string();
        assert!(error("vendor = '0781'").contains("unknown field `vendor`"));
        assert!(error("id = '0781'").contains("VENDOR:PRODUCT"));
        assert!(error("class = 'disk'").contains("storage"));
    }

    #[test]
    fn display_names_what_is_given() {
        let rule: Selector = toml::from_str("id = '781:*'\nclass = 'hid'\nserial = 'a*'").unwrap();
        assert_eq!(rule.to_string(), "id 0781:*, serial \"a*\", class 03");
    }
}
