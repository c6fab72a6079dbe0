//! How long something counts for nothing that one admin alone made: an account, what it signs in
//! by, or a place in a group. Until then others can see it and say no, or a second admin confirms it.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// From when on something counts that one admin alone made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rest {
    /// From when on it counts.
    pub(crate) until: Timestamp,
    /// Whether it was made after the request, and so counts in later ones only.
    pub(crate) is_younger: bool,
}

impl Rest {
    /// Returns it as the end of "it counts".
    pub(crate) fn words(self) -> String {
        // To the second, and not before it.
        let until = Timestamp::from_second(self.until.as_second().saturating_add(1));
        let until = until.unwrap_or(self.until);
        if self.is_younger {
            format!("from {until}, in what is asked after the change")
        } else {
            format!("from {until}")
        }
    }
}

/// What of an account does not count yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rests {
    /// The account, or what it answers by.
    pub(crate) account: Option<Rest>,
    /// Its places in these groups.
    pub(crate) groups: BTreeMap<String, Rest>,
}

impl Rests {
    /// Has the account, or what it answers by, count from then on.
    pub(crate) fn add(&mut self, rest: Rest) {
        self.account = self.account.max(Some(rest));
    }

    /// Has a place in a group count from then on.
    pub(crate) fn add_group(&mut self, group: String, rest: Rest) {
        let known = self.groups.entry(group).or_insert(rest);
        *known = rest.max(*known);
    }

    /// Returns from when on all of it counts, where something does not.
    pub(crate) fn last(&self) -> Option<Rest> {
        self.account
            .into_iter()
            .chain(self.groups.values().copied())
            .max()
    }
}
