//! What became of each rule that could have been about a command: for whoever asks why.

use std::path::Path;

use serde::Serialize;

use super::decision::{Decision, Layer};
use super::evaluation::{MatchedRule, Occasion};
use super::policy::{self, Policy};
use super::rule::{FlagMatch, Matcher, Rule};
use super::session::{self, Sorted};
use crate::invocation::{Invocation, Place};

/// What became of the rules about one command.
#[derive(Clone, Debug)]
pub struct Consideration {
    /// The rules about such a tool and command, in the order in which they count.
    pub rules: Vec<Considered>,
    /// How many other rules there are.
    pub elsewhere: usize,
}

/// One rule, and what became of it.
#[derive(Clone, Debug)]
pub struct Considered {
    /// Where it stands.
    pub rule: MatchedRule,
    /// What it says.
    pub decision: Decision,
    /// Whether it is heard.
    pub hearing: Hearing,
    /// Why its condition has no answer, where it matches all the same.
    pub doubt: Option<String>,
}

/// Whether a rule is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// It matches, and counts.
    Counts,
    /// It matches, and something else speaks louder.
    Silent(&'static str),
    /// It does not match.
    Misses(Miss),
}

/// The first matcher of a rule that the command does not meet. The command's words are not
/// repeated: they can be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The matcher, as `target.namespace`.
    pub field: String,
    /// What the rule wants.
    pub wanted: String,
    /// What is there instead.
    pub found: String,
}

impl Policy {
    /// Returns what became of every rule that is about such a tool and command, the built-in one
    /// first, in the order in which they count: of the command itself and then of each one inside
    /// it, the outer first. What decided is in [`Policy::evaluate`].
    pub fn consider(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Vec<Consideration> {
        let each = policy::each(invocation, cwd).into_iter();
        let mut all: Vec<Consideration> =
            each.map(|one| self.consider_one(one, occasion)).collect();
        if let Some((decision, rule)) = self.inconsistency(invocation)
            && let Some(outer) = all.first_mut()
        {
            let hearing = Hearing::Counts;
            outer.rules.push(Considered {
                rule,
                decision,
                hearing,
                doubt: None,
            });
        }
        all
    }

    fn consider_one(
        &self,
        (invocation, cwd, place): (&Invocation, &Path, Place),
        occasion: &Occasion,
    ) -> Consideration {
        let candidates = self.rules_about(invocation);
        let all = candidates.iter().copied();
        let Sorted { matching, unkept } = Sorted::of(all, (invocation, cwd, occasion));
        let speakers = Speakers::among(&matching);
        let built_in = policy::baseline(invocation, place);
        let mut rules: Vec<Considered> = built_in
            .into_iter()
            .map(|(decision, rule)| Considered {
                rule,
                decision,
                hearing: if speakers.is_built_in_heard() {
                    Hearing::Counts
                } else {
                    Hearing::Silent(Speakers::OTHERS_DECIDE)
                },
                doubt: None,
            })
            .collect();
        if !unkept.is_empty() {
            let (decision, rule) = session::unkept();
            rules.push(Considered {
                rule,
                decision,
                hearing: Hearing::Counts,
                doubt: None,
            });
        }
        let hearing = |rule: &Rule| {
            let mut unkept = unkept.iter();
            let unkept = unkept.find(|(unkept, _)| std::ptr::eq(*unkept, rule));
            let miss = unkept.map_or_else(
                || rule.unmet(invocation, cwd, occasion),
                |(_, why)| Some(Matcher::Session(why)),
            );
            let miss = miss.map(|unmet| Miss::of(rule, unmet, (invocation, cwd, occasion)));
            let silent = || speakers.silence_of(rule).map(Hearing::Silent);
            miss.map(Hearing::Misses)
                .or_else(silent)
                .unwrap_or(Hearing::Counts)
        };
        rules.extend(candidates.iter().map(|rule| {
            let hearing = hearing(rule);
            let matches = !matches!(hearing, Hearing::Misses(_));
            let doubt = rule.doubt(invocation, cwd, occasion).filter(|_| matches);
            Considered {
                rule: rule.place.clone(),
                decision: rule.decision,
                hearing,
                doubt: doubt.map(|why| why.to_string()),
            }
        }));
        Consideration {
            rules,
            elsewhere: self.count() - candidates.len(),
        }
    }
}

impl Miss {
    /// Puts into words why a rule is not about the command.
    pub(super) fn of(
        rule: &Rule,
        matcher: Matcher<'_>,
        (invocation, cwd, occasion): (&Invocation, &Path, &Occasion),
    ) -> Self {
        let (field, wanted, found) = match matcher {
            Matcher::Tool => (
                "tool".to_owned(),
                listed(&rule.tools),
                invocation.tool.to_string(),
            ),
            Matcher::Command => {
                let paths: Vec<String> = rule.commands.iter().map(|path| path.join(" ")).collect();
                let found = or_none(invocation.command.join(" "));
                ("command".to_owned(), listed(&paths), found)
            }
            Matcher::Effect => effect(rule, invocation),
            Matcher::Flag(name, wanted) => flag(name, wanted),
            Matcher::Operands => operands(rule, invocation),
            Matcher::Target(field, globs) => {
                let found = invocation.target.get(field).cloned();
                let found = found.unwrap_or_else(|| "not named".to_owned());
                (format!("target.{field}"), listed(globs), found)
            }
            Matcher::File(field) => {
                let found = invocation.target.get(field).cloned().unwrap_or_default();
                let wanted = "the rule to name the file that the caller chose, too".to_owned();
                (format!("target.{field}"), wanted, found)
            }
            Matcher::Beyond(field, what) => {
                let wanted = "nothing outside of it".to_owned();
                (format!("target.{field}"), wanted, what.to_owned())
            }
            Matcher::Caller(field) => caller(rule, field, occasion),
            Matcher::Cwd => {
                let found = cwd.to_string_lossy().into_owned();
                ("cwd".to_owned(), listed(&rule.cwd), found)
            }
            Matcher::When(condition, why) => {
                let found = why.map_or_else(|| "no".to_owned(), |why| format!("no answer: {why}"));
                ("when".to_owned(), condition.source().to_owned(), found)
            }
            Matcher::Session(why) => {
                let wanted = "a session that may only read".to_owned();
                ("postgres".to_owned(), wanted, why.to_owned())
            }
            Matcher::Time => {
                let (wanted, found) = ("another time", "the present");
                ("time".to_owned(), wanted.to_owned(), found.to_owned())
            }
        };
        Self {
            field,
            wanted,
            found,
        }
    }
}

type Words = (String, String, String);

fn effect(rule: &Rule, invocation: &Invocation) -> Words {
    let names = |effects: Vec<&'static str>| effects.join(", ");
    let found = names(
        invocation
            .effects
            .iter()
            .map(crate::Effect::as_str)
            .collect(),
    );
    let wanted = match rule.decision {
        Decision::Allow if rule.effects.is_empty() => "all but unknown".to_owned(),
        Decision::Allow => format!(
            "nothing but {}",
            names(rule.effects.iter().map(crate::Effect::as_str).collect())
        ),
        Decision::RequireApproval | Decision::Deny => {
            names(rule.effects.iter().map(crate::Effect::as_str).collect())
        }
    };
    ("effect".to_owned(), wanted, found)
}

fn flag(name: &str, wanted: &FlagMatch) -> Words {
    let (wanted, found) = match wanted {
        FlagMatch::Given => ("true".to_owned(), "it is not on"),
        FlagMatch::Absent => ("false".to_owned(), "it is on"),
        FlagMatch::Value(pattern) => (pattern.clone(), "no such value"),
    };
    (format!("flags.{name}"), wanted, found.to_owned())
}

fn operands(rule: &Rule, invocation: &Invocation) -> Words {
    let found = match (rule.decision, invocation.operands.is_empty()) {
        (_, true) => "there are none",
        (Decision::Allow, false) => "one of them is like no pattern",
        (Decision::RequireApproval | Decision::Deny, false) => "none of them is like a pattern",
    };
    (
        "operands".to_owned(),
        listed(&rule.operands),
        found.to_owned(),
    )
}

fn caller(rule: &Rule, field: &'static str, occasion: &Occasion) -> Words {
    let (wanted, there) = (&rule.caller, &occasion.caller);
    let truth = |wanted: Option<bool>| wanted.map_or_else(String::new, |truth| truth.to_string());
    let (wanted, found) = match field {
        "kind" => {
            let kinds: Vec<String> = wanted
                .kinds
                .iter()
                .map(|kind| kind.as_str().to_owned())
                .collect();
            (listed(&kinds), there.kind.as_str().to_owned())
        }
        "name" => (listed(&wanted.names), there.name.clone()),
        "host" => (listed(&wanted.hosts), there.host.clone()),
        "ci" => (truth(wanted.ci), there.ci.to_string()),
        _ => (truth(wanted.terminal), there.terminal.to_string()),
    };
    (format!("caller.{field}"), wanted, or_none(found))
}

/// Joins words as `a, b or c`.
fn listed(words: &[String]) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

/// Which layers have something to say about a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speakers {
    owner: bool,
    baseline: bool,
}

impl Speakers {
    pub(super) const OTHERS_DECIDE: &'static str = "a rule of the server or the machine matches";

    pub(super) fn among(matching: &[&Rule]) -> Self {
        let speaks = |layers: &[Layer]| {
            matching
                .iter()
                .any(|rule| layers.contains(&rule.place.layer))
        };
        Self {
            owner: speaks(&[Layer::Server, Layer::Machine]),
            baseline: speaks(&[Layer::Baseline]),
        }
    }

    /// Tells whether what is built in decides, because no other rule does.
    pub(super) const fn is_built_in_heard(self) -> bool {
        !self.owner && !self.baseline
    }

    /// Returns why a rule that matches is not heard, where it is not.
    pub(super) fn silence_of(self, rule: &Rule) -> Option<&'static str> {
        match rule.place.layer {
            Layer::Baseline => self.owner.then_some(Self::OTHERS_DECIDE),
            Layer::Server | Layer::Machine => None,
            Layer::User | Layer::Project => (rule.decision == Decision::Allow)
                .then_some("it allows, and its layer can only tighten"),
        }
    }
}
