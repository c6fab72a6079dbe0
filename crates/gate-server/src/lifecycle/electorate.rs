//! Who has a say in a request. It is judged anew at each answer and at the
//! claim, from what is known then: an answer counts only as long as whoever gave
//! it could give it again.

use std::collections::{BTreeMap, BTreeSet};

use gate_protocol::request::Requirement;
use gate_protocol::review::Answer;
use jiff::Timestamp;

use super::{Answered, RequestState, Rest, Rests, names_at};

/// Why a person has no say. The order is that in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exclusion {
    /// They asked.
    Asked,
    /// They own who asked.
    Owns,
    /// They made the agent or workload that asked.
    MadeRequester,
    /// They made the token that it was asked with.
    MadeToken,
    /// They changed the agent or workload that asked, a short while ago.
    EditedRequester,
    /// They changed the rule that asks, a short while ago.
    EditedRule,
    /// They could act as one of those: they made their account or a token of it.
    BehindThem,
    /// Somebody who has no say for another of these reasons could answer as them.
    MadeByAsker,
    /// They put themselves in a group, a short while ago.
    RaisedThemselves,
}

impl Exclusion {
    /// Returns the word that stands for it in records.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Owns => "owns",
            Self::MadeRequester => "made_requester",
            Self::MadeToken => "made_token",
            Self::EditedRequester => "edited_requester",
            Self::EditedRule => "edited_rule",
            Self::BehindThem => "behind_them",
            Self::MadeByAsker => "made_by_asker",
            Self::RaisedThemselves => "raised_themselves",
        }
    }

    /// Returns it as what the person did.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Asked => "asked for this",
            Self::Owns => "own who asked for this",
            Self::MadeRequester => "made the agent or workload that asked for this",
            Self::MadeToken => "made the token that this was asked with",
            Self::EditedRequester => "changed the agent or workload that asked, a short while ago",
            Self::EditedRule => "changed the rules that decide on this, a short while ago",
            Self::BehindThem => {
                "had a hand in the account of who asked for this, or of who made or changed it or \
                 its rule"
            }
            Self::RaisedThemselves => "put themselves in a group, a short while ago",
            Self::MadeByAsker => {
                "have an account, or a token, that somebody had a hand in who has no say in this"
            }
        }
    }
}

/// An account that may act now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voter {
    /// Whose account it is.
    pub(crate) person: String,
    /// The groups that it is in now.
    pub(crate) groups: Vec<String>,
    /// What of it does not count yet.
    pub(crate) rests: Rests,
    /// Everybody whose voice it may be: whose account it is or lately was, and who could act as it.
    pub(crate) kin: BTreeSet<String>,
}

impl Voter {
    /// Returns the groups by which it counts.
    fn counted_groups(&self) -> Vec<String> {
        let counts = |group: &&String| !self.rests.groups.contains_key(*group);
        self.groups.iter().filter(counts).cloned().collect()
    }
}

/// Accounts that count as one: somebody could answer as each of them.
struct Class<'a> {
    /// The person that they count as.
    person: &'a str,
    kin: BTreeSet<&'a str>,
    names: Vec<&'a str>,
}

/// Who has a say in one request, as far as anybody asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Electorate {
    /// By person.
    excluded: BTreeMap<String, Exclusion>,
    /// By account: those who answered and may still act.
    voters: BTreeMap<String, Voter>,
}

impl Electorate {
    /// Takes a person's say away. The first reason in the order of [`Exclusion`] is kept.
    pub(crate) fn exclude(&mut self, person: String, why: Exclusion) {
        let known = self.excluded.entry(person).or_insert(why);
        *known = why.min(*known);
    }

    /// Lets an account count.
    pub(crate) fn admit(&mut self, name: String, voter: Voter) {
        self.voters.insert(name, voter);
    }

    /// Returns why a person has no say, if they have none.
    pub(crate) fn exclusion(&self, person: &str) -> Option<Exclusion> {
        self.excluded.get(person).copied()
    }

    /// Returns the groups of `groups` by which an account counts in a yes.
    pub(crate) fn counted_groups(&self, name: &str, groups: &[String]) -> Vec<String> {
        let rests = self.voters.get(name).map(|voter| &voter.rests.groups);
        let counts = |group: &&String| rests.is_none_or(|rests| !rests.contains_key(*group));
        groups.iter().filter(counts).cloned().collect()
    }

    /// Returns from when on an account can say yes where one of these must be met, if it can't yet
    /// since one admin alone made or changed it.
    pub(crate) fn rest(
        &self,
        name: &str,
        requirements: &[Requirement],
        waited_seconds: u64,
    ) -> Option<Rest> {
        let voter = self.voters.get(name)?;
        let counted = voter.counted_groups();
        let is_named = |one| names_at(one, name, &counted, waited_seconds);
        voter.rests.account.or_else(|| {
            let is_named = requirements.iter().any(is_named);
            let rests = voter.rests.last();
            rests.filter(|_| !is_named)
        })
    }

    /// Returns those of `answers` that are approvals and count now, each with the
    /// person and the groups of now.
    pub(super) fn standing(&self, answers: &[Answered]) -> Vec<Answered> {
        let approvals = answers.iter().filter(|answered| answered.is_yes());
        let as_of_now = |answered: &Answered| {
            let voter = self.voter(&answered.review.reviewer)?;
            let mut now = answered.clone();
            now.groups = voter.counted_groups();
            Some(now)
        };
        let standing = approvals.filter_map(as_of_now).collect();
        self.by_person(standing)
    }

    /// Returns the answers, each with the person that it counts as: accounts that one person could
    /// answer by are one, whatever the person of each.
    pub(super) fn by_person(&self, mut answers: Vec<Answered>) -> Vec<Answered> {
        let counted = self.counted();
        for answered in &mut answers {
            if let Some(person) = counted.get(answered.review.reviewer.as_str()) {
                (*person).clone_into(&mut answered.person);
            }
        }
        answers
    }

    fn counted(&self) -> BTreeMap<&str, &str> {
        let mut classes: Vec<Class<'_>> = Vec::new();
        let voters = self
            .voters
            .iter()
            .filter(|(name, _)| self.voter(name).is_some());
        for (name, voter) in voters {
            let mut class = Class {
                person: &voter.person,
                kin: voter.kin.iter().map(String::as_str).collect(),
                names: vec![name],
            };
            class.kin.insert(&voter.person);
            let mut apart = Vec::new();
            for other in classes {
                if other.kin.is_disjoint(&class.kin) {
                    apart.push(other);
                } else {
                    class.person = other.person;
                    class.kin.extend(other.kin);
                    class.names.extend(other.names);
                }
            }
            apart.push(class);
            classes = apart;
        }
        let mut counted = BTreeMap::new();
        for Class { person, names, .. } in classes {
            counted.extend(names.into_iter().map(|name| (name, person)));
        }
        counted
    }

    /// Returns the account as it is now, if it may act and counts, and its person has a say.
    fn voter(&self, name: &str) -> Option<&Voter> {
        self.voters.get(name).filter(|voter| {
            voter.rests.account.is_none() && self.exclusion(&voter.person).is_none()
        })
    }
}

/// Why an answer does not count any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Void {
    /// Whoever gave it may not act.
    Disabled,
    /// No requirement names them any more.
    NotNamed,
    /// They have no say.
    Excluded(Exclusion),
    /// One admin alone made or changed the account, and it does not count yet.
    Resting(Rest),
    /// It came of a standing grant that was taken back.
    StandingGrantRevoked,
    /// It was given with a token that was taken back.
    TokenRevoked,
    /// The account elsewhere that it may have been given by is theirs no more.
    Unlinked,
}

impl Void {
    /// Returns it in words, as the end of "it does not count:".
    pub(crate) fn words(self) -> String {
        match self {
            Self::Disabled => "the account was disabled".to_owned(),
            Self::NotNamed => "not in a group that may approve any more".to_owned(),
            Self::Excluded(why) => format!("they {}", why.words()),
            Self::Resting(rest) => format!(
                "one admin alone made or changed the account, what it signs in by or its place in \
                 a group: it counts {}",
                rest.words()
            ),
            Self::StandingGrantRevoked => "the standing grant was revoked".to_owned(),
            Self::TokenRevoked => "the token that it was given with was revoked".to_owned(),
            Self::Unlinked => "an account elsewhere was unlinked from theirs".to_owned(),
        }
    }
}

impl RequestState {
    /// Returns the requirements that the approvals that count now leave unmet.
    pub(crate) fn lacking(&self, electorate: &Electorate, now: Timestamp) -> Vec<&Requirement> {
        self.unmet_by(now, &electorate.standing(&self.reviews))
    }

    /// Returns the reviewers whose approval does not count any more, and why.
    pub(crate) fn voided(&self, electorate: &Electorate, now: Timestamp) -> Vec<(String, Void)> {
        let approvals = self.reviews.iter().filter(|answered| answered.is_yes());
        let void = |answered: &Answered| {
            let name = answered.review.reviewer.as_str();
            let Some(voter) = electorate.voters.get(name) else {
                return Some(Void::Disabled);
            };
            if let Some(why) = electorate.exclusion(&voter.person) {
                return Some(Void::Excluded(why));
            }
            let waited = self.waited(now);
            let is_named = |groups: &[String]| {
                let mut all = self.requirements.iter();
                all.any(|one| names_at(one, name, groups, waited))
            };
            if !is_named(&voter.groups) {
                return Some(Void::NotNamed);
            }
            let rest = electorate.rest(name, &self.requirements, waited);
            rest.map(Void::Resting)
        };
        approvals
            .filter_map(|answered| Some((answered.review.reviewer.clone(), void(answered)?)))
            .collect()
    }
}

impl Answered {
    /// Tells whether this is an approval that nothing has made void.
    pub(crate) fn is_yes(&self) -> bool {
        self.review.answer == Answer::Approve && self.review.void.is_none()
    }
}
