// SPDX-License-Identifier: GPL-2.0

//! What is to be done about a device, given what is known of it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Longest pause between two attempts to bind a device.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How a device stands. Part of the state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// On usbip-host.
    Bound {
        /// Who did that.
        by: Binder,
        /// The loaded driver, to tell an unbind by the user from an unload of the module.
        driver: u64,
    },
    /// Taken off usbip-host by the user. It stays so until it is plugged in again or bound by
    /// hand.
    Released,
    /// Could not be bound, will be tried again.
    Failed {
        /// Why, in words.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// When it will be tried again; at once after a restart.
        #[serde(skip)]
        next: Option<Instant>,
    },
}

/// Who bound a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binder {
    /// This service, by a rule.
    Rule,
    /// Somebody else: `usbip bind`.
    User,
}

/// What a device looks like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether it is on usbip-host.
    pub is_bound: bool,
    /// Whether a rule allows it.
    pub is_allowed: bool,
    /// The loaded driver, if any.
    pub driver: Option<u64>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Remember that somebody has bound it.
    NoteBound(u64),
    /// Remember that the user does not want it exported.
    NoteReleased,
    /// Bind it, or try again.
    Bind,
    /// Unbind it: the rule is gone.
    Revoke,
    /// Forget what was known.
    Forget,
}

impl Standing {
    /// Whether a rule has bound the device.
    pub fn is_bound_by_rule(&self) -> bool {
        matches!(
            self,
            Self::Bound {
                by: Binder::Rule,
                ..
            }
        )
    }

    /// The same while nothing can be done about it: no time is set for the next attempt, which an
    /// event will bring about.
    pub fn at_rest(self) -> Self {
        match self {
            Self::Failed {
                reason, attempts, ..
            } => Self::Failed {
                reason,
                attempts,
                next: None,
            },
            standing => standing,
        }
    }
}

/// Decides. `standing` is what is known of this device since it was plugged in.
pub fn decide(standing: Option<&Standing>, sight: Sight) -> Step {
    let Some(driver) = sight.driver else {
        return Step::Rest;
    };
    if sight.is_bound {
        return match standing {
            Some(standing) if standing.is_bound_by_rule() && !sight.is_allowed => Step::Revoke,
            Some(Standing::Bound { driver: known, .. }) if *known == driver => Step::Rest,
            _ => Step::NoteBound(driver),
        };
    }
    match standing {
        Some(Standing::Bound { driver: known, .. }) if *known == driver => match sight.is_allowed {
            true => Step::NoteReleased,
            false => Step::Forget,
        },
        Some(Standing::Released) => Step::Rest,
        _ if sight.is_allowed => Step::Bind,
        Some(_) => Step::Forget,
        None => Step::Rest,
    }
}

/// Time from a failed attempt to the next.
pub fn pause(attempts: u32) -> Duration {
    let doubled = 1_u64.checked_shl(attempts.saturating_sub(1).min(8));
    Duration::from_secs(doubled.unwrap_or(u64::MAX)).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVER: u64 = 7;

    fn bound(by: Binder) -> Standing {
        Standing::Bound { by, driver: DRIVER }
    }

    fn step(standing: Option<Standing>, is_bound: bool, is_allowed: bool) -> Step {
        let sight = Sight {
            is_bound,
            is_allowed,
            driver: Some(DRIVER),
        };
        decide(standing.as_ref(), sight)
    }

    #[test]
    fn only_what_is_allowed_is_bound() {
        let failed = Standing::Failed {
            reason: String::new(),
            attempts: 1,
            next: None,
        };
        assert_eq!(step(None, false, true), Step::Bind);
        assert_eq!(step(None, false, false), Step::Rest);
        assert_eq!(step(Some(failed.clone()), false, true), Step::Bind);
        assert_eq!(step(Some(failed), false, false), Step::Forget);
    }

    #[test]
    fn unbind_by_the_user_wins_until_bound_by_hand() {
        for by in [Binder::Rule, Binder::User] {
            assert_eq!(step(Some(bound(by)), false, true), Step::NoteReleased);
            assert_eq!(step(Some(bound(by)), false, false), Step::Forget);
        }
        assert_eq!(step(Some(Standing::Released), false, true), Step::Rest);
        let again = step(Some(Standing::Released), true, true);
        assert_eq!(again, Step::NoteBound(DRIVER));
    }

    #[test]
    fn unloading_the_module_is_no_unbind() {
        let mut sight = Sight {
            is_bound: false,
            is_allowed: true,
            driver: None,
        };
        let known = bound(Binder::Rule);
        assert_eq!(decide(Some(&known), sight), Step::Rest);
        sight.driver = Some(DRIVER + 1);
        assert_eq!(decide(Some(&known), sight), Step::Bind);
    }

    #[test]
    fn a_rule_that_is_gone_takes_back_only_what_it_gave() {
        assert_eq!(step(Some(bound(Binder::Rule)), true, false), Step::Revoke);
        assert_eq!(step(Some(bound(Binder::User)), true, false), Step::Rest);
        assert_eq!(step(None, true, false), Step::NoteBound(DRIVER));
    }

    #[test]
    fn nothing_is_timed_without_a_driver() {
        let failed = Standing::Failed {
            reason: String::new(),
            attempts: 1,
            next: Some(Instant::now()),
        };
        let sight = Sight {
            is_bound: false,
            is_allowed: true,
            driver: None,
        };
        assert_eq!(decide(Some(&failed), sight), Step::Rest);
        assert!(matches!(
            failed.at_rest(),
            Standing::Failed { next: None, .. }
        ));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let seconds: Vec<_> = (1..8).map(|attempts| pause(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(u32::MAX), MAX_PAUSE);
    }
}
