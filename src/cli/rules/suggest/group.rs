//! Answers about the same thing, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use gate_policy::{Decision, Effect, Profiles};
use gate_protocol::invocation::BoundInvocation;
use serde::Serialize;

use super::rule::{Basis, Suggestion};
use super::seen::{self, Seen, WhyNot};
use super::sources::{Answered, History};

/// What no rule is proposed to allow, however often people did.
const NEVER_ALLOWED: [Effect; 4] = [
    Effect::Access,
    Effect::Secret,
    Effect::Execute,
    Effect::Unknown,
];

/// What answers are about: tool, subcommand, effect and the whole target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Subject {
    pub(super) tool: String,
    pub(super) command: Vec<String>,
    pub(super) effect: String,
    pub(super) target: BTreeMap<String, String>,
}

/// How people answered about one subject.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tally {
    pub(super) approved: usize,
    pub(super) denied: usize,
    /// How many different people.
    pub(super) people: usize,
    pub(super) first: String,
    pub(super) last: String,
}

/// A subject of which nothing is proposed.
#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    #[serde(flatten)]
    subject: Subject,
    approved: usize,
    denied: usize,
    why: String,
}

/// What follows from all answers.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) suggested: Vec<Suggestion>,
    pub(super) skipped: Vec<Skipped>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tool)?;
        for word in &self.command {
            write!(f, " {word}")?;
        }
        write!(f, " ({}", self.effect)?;
        for (field, value) in &self.target {
            write!(f, ", {field} {value}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            approved,
            denied,
            why,
        } = self;
        write!(f, "{subject}: {why} (approved {approved}, denied {denied})")
    }
}

impl Subject {
    /// An alias is the same tool: what was denied under one name was denied under each.
    fn of(profiles: &Profiles, invocation: &BoundInvocation) -> Self {
        Self {
            tool: seen::canonical_tool(profiles, &invocation.tool.name),
            command: invocation.command.clone(),
            effect: invocation.effect.clone(),
            target: invocation.target.clone(),
        }
    }
}

impl Tally {
    /// Counts answers, of which there is at least one.
    fn of(answers: &[&Answered]) -> Self {
        let approved = answers.iter().filter(|one| one.is_approved).count();
        let people: BTreeSet<&String> = answers.iter().flat_map(|one| &one.people).collect();
        let at = |one: Option<&&Answered>| one.map(|one| one.at.to_string()).unwrap_or_default();
        Self {
            approved,
            denied: answers.len() - approved,
            people: people.len(),
            first: at(answers.first()),
            last: at(answers.last()),
        }
    }
}

/// What is known about one subject.
#[derive(Default)]
struct Group<'h> {
    /// In the order of time.
    answers: Vec<&'h Answered>,
    /// How often it was asked without an answer that is known.
    open: usize,
}

/// By what it is judged.
pub(super) struct Judge<'a> {
    /// How commands are read.
    pub(super) profiles: &'a Arc<Profiles>,
    /// How often people must have answered.
    pub(super) min: usize,
}

impl Judge<'_> {
    /// Proposes rules from what is known.
    pub(super) fn judge(&self, history: &History) -> Judged {
        let mut groups: BTreeMap<Subject, Group<'_>> = BTreeMap::new();
        for one in &history.answered {
            let subject = Subject::of(self.profiles, &one.invocation);
            groups.entry(subject).or_default().answers.push(one);
        }
        for invocation in &history.open {
            // What nobody is known to have answered is only of interest beside answers.
            if let Some(group) = groups.get_mut(&Subject::of(self.profiles, invocation)) {
                group.open += 1;
            }
        }
        let is_whole = history.unread.is_empty();
        let mut judged = Judged::default();
        for (subject, group) in groups {
            let tally = Tally::of(&group.answers);
            let basis = Basis {
                profiles: self.profiles,
                subject: &subject,
                tally: &tally,
            };
            let made = if tally.denied > 0 {
                self.stricter(&basis)
            } else if is_whole {
                self.milder(&basis, &group)
            } else {
                Err(WhyNot::of("what could not be read may be a denial of it"))
            };
            match made {
                Ok(suggestions) => judged.suggested.extend(suggestions),
                Err(WhyNot(why)) => judged.skipped.push(Skipped {
                    approved: tally.approved,
                    denied: tally.denied,
                    subject,
                    why,
                }),
            }
        }
        judged
    }

    /// What was only ever denied, and often enough, is denied; what was denied at times always
    /// asks, whatever other rules allow.
    fn stricter(&self, basis: &Basis<'_>) -> Result<Vec<Suggestion>, WhyNot> {
        let tally = basis.tally;
        let decision = if tally.approved == 0 && tally.denied >= self.min {
            Decision::Deny
        } else {
            Decision::RequireApproval
        };
        basis.tightening(decision).map(|rule| vec![rule])
    }

    fn milder(&self, basis: &Basis<'_>, group: &Group<'_>) -> Result<Vec<Suggestion>, WhyNot> {
        let effect = &basis.subject.effect;
        if NEVER_ALLOWED.iter().any(|never| never.as_str() == effect) {
            let why = format!("no rule is proposed to allow the effect {effect}");
            return Err(WhyNot(why));
        }
        if basis.tally.approved < self.min {
            return Err(WhyNot(format!("fewer than {} approvals", self.min)));
        }
        if group.open > 0 {
            let why = match group.open {
                1 => "the answer to one more request for it is not known here".to_owned(),
                open => format!("the answers to {open} more requests for it are not known here"),
            };
            return Err(WhyNot(why));
        }
        let seen = group
            .answers
            .iter()
            .map(|one| Seen::read(self.profiles, &one.invocation));
        basis.allowing(&seen.collect::<Result<Vec<Seen>, WhyNot>>()?)
    }
}
