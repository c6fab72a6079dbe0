//! What a command would do, in one word.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a command would do.
///
/// The order of the variants is the order of strictness: where several apply,
/// the greatest is the one that is shown ([`EffectSet::strictest`]). `Unknown`
/// is the greatest, because it can hide any of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Changes nothing and reveals nothing that must stay hidden.
    Read,
    /// Touches only files of this machine that no later command acts on.
    Local,
    /// Changes the target, or what later commands act on.
    Write,
    /// Removes something that may not come back.
    Destroy,
    /// Changes permissions, identities or sessions.
    Access,
    /// Reveals credentials or bulk data.
    Secret,
    /// Runs arbitrary code.
    Execute,
    /// Not understood.
    Unknown,
}

impl Effect {
    /// All effects, from the mildest to the strictest.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Local,
        Self::Write,
        Self::Destroy,
        Self::Access,
        Self::Secret,
        Self::Execute,
        Self::Unknown,
    ];

    /// All effects, each behind the word that stands for it.
    pub(crate) const BY_WORD: [(&'static str, Self); 8] = [
        (Self::Read.as_str(), Self::Read),
        (Self::Local.as_str(), Self::Local),
        (Self::Write.as_str(), Self::Write),
        (Self::Destroy.as_str(), Self::Destroy),
        (Self::Access.as_str(), Self::Access),
        (Self::Secret.as_str(), Self::Secret),
        (Self::Execute.as_str(), Self::Execute),
        (Self::Unknown.as_str(), Self::Unknown),
    ];

    /// Returns the word that stands for it in rules, JSON and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Local => "local",
            Self::Write => "write",
            Self::Destroy => "destroy",
            Self::Access => "access",
            Self::Secret => "secret",
            Self::Execute => "execute",
            Self::Unknown => "unknown",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an effect", .0.escape_default())]
pub struct ParseEffectError(pub String);

impl FromStr for Effect {
    type Err = ParseEffectError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|effect| effect.as_str() == word)
            .ok_or_else(|| ParseEffectError(word.to_owned()))
    }
}

/// Every effect of one command: `delete --server=…` both destroys and is
/// unknown, and a rule that denies `destroy` must still see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EffectSet(u8);

impl EffectSet {
    /// Returns the set of one effect.
    pub const fn of(effect: Effect) -> Self {
        Self(effect.bit())
    }

    /// Adds an effect.
    pub const fn insert(&mut self, effect: Effect) {
        self.0 |= effect.bit();
    }

    /// Returns the set without an effect.
    #[must_use]
    pub const fn without(self, effect: Effect) -> Self {
        Self(self.0 & !effect.bit())
    }

    /// Returns the effects of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether the effect is in the set.
    pub const fn contains(self, effect: Effect) -> bool {
        self.0 & effect.bit() != 0
    }

    /// Tells whether the two sets have an effect in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Tells whether every effect of this set is in the other.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Tells whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the strictest effect; `Unknown` when the set is empty, because
    /// a command of which nothing is known is not a read.
    pub fn strictest(self) -> Effect {
        Effect::ALL
            .into_iter()
            .rev()
            .find(|effect| self.contains(*effect))
            .unwrap_or(Effect::Unknown)
    }

    /// Returns the strictest effect of those that say what is done, or nothing
    /// where there is none: neither running something nor not understanding it
    /// says so.
    pub(crate) fn understood(self) -> Option<Effect> {
        let says = |effect: &Effect| !matches!(effect, Effect::Execute | Effect::Unknown);
        self.iter().filter(says).last()
    }

    /// Returns the effects from the mildest to the strictest.
    pub fn iter(self) -> impl Iterator<Item = Effect> {
        Effect::ALL
            .into_iter()
            .filter(move |effect| self.contains(*effect))
    }
}

impl FromIterator<Effect> for EffectSet {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        let mut set = Self::default();
        for effect in effects {
            set.insert(effect);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_is_read_back_from_its_word() {
        for effect in Effect::ALL {
            assert_eq!(effect.as_str().parse(), Ok(effect));
        }
        assert!("Read".parse::<Effect>().is_err());
    }

    #[test]
    fn unknown_is_stricter_than_everything() {
        for effect in Effect::ALL {
            let set: EffectSet = [effect, Effect::Unknown].into_iter().collect();
            assert_eq!(set.strictest(), Effect::Unknown);
        }
        assert_eq!(EffectSet::default().strictest(), Effect::Unknown);
    }
}
