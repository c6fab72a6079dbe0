//! Answers about the same thing, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use gate_policy::{Decision, Effect, Profiles};
use serde::Serialize;

use super::rule::{self, Suggestion};
use super::seen::{self, Seen, WhyNot};
use super::sources::Answered;

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
    fn of(profiles: &Profiles, answered: &Answered) -> Self {
        let invocation = &answered.invocation;
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

/// Proposes rules from answers, which stand in the order of time.
pub(super) fn judge(profiles: &Arc<Profiles>, answered: &[Answered], min: usize) -> Judged {
    let mut groups: BTreeMap<Subject, Vec<&Answered>> = BTreeMap::new();
    for one in answered {
        groups
            .entry(Subject::of(profiles, one))
            .or_default()
            .push(one);
    }
    let mut judged = Judged::default();
    for (subject, answers) in groups {
        let tally = Tally::of(&answers);
        let made = if tally.denied > 0 {
            stricter(profiles, &subject, &tally, min)
        } else {
            milder(profiles, &subject, &tally, &answers, min)
        };
        match made {
            Ok(suggestions) => judged.suggested.extend(suggestions),
            Err(WhyNot(why)) => judged.skipped.push(Skipped {
                subject,
                approved: tally.approved,
                denied: tally.denied,
                why,
            }),
        }
    }
    judged
}

/// What was only ever denied, and often enough, is denied; what was denied at times always asks,
/// whatever other rules allow.
fn stricter(
    profiles: &Arc<Profiles>,
    subject: &Subject,
    tally: &Tally,
    min: usize,
) -> Result<Vec<Suggestion>, WhyNot> {
    let decision = if tally.approved == 0 && tally.denied >= min {
        Decision::Deny
    } else {
        Decision::RequireApproval
    };
    rule::tightening(profiles, subject, tally, decision).map(|rule| vec![rule])
}

fn milder(
    profiles: &Arc<Profiles>,
    subject: &Subject,
    tally: &Tally,
    answers: &[&Answered],
    min: usize,
) -> Result<Vec<Suggestion>, WhyNot> {
    if NEVER_ALLOWED
        .iter()
        .any(|effect| effect.as_str() == subject.effect)
    {
        let why = format!("no rule is proposed to allow the effect {}", subject.effect);
        return Err(WhyNot(why));
    }
    if tally.approved < min {
        return Err(WhyNot(format!("fewer than {min} approvals")));
    }
    let seen = answers
        .iter()
        .map(|one| Seen::read(profiles, &one.invocation));
    let seen = seen.collect::<Result<Vec<Seen>, WhyNot>>()?;
    rule::allowing(profiles, subject, tally, &seen)
}
