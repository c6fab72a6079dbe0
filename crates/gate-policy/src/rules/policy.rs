//! All rules in force, indexed by tool and subcommand, and how they decide.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::considered::Speakers;
use super::decision::{Decision, Layer, Recording};
use super::error::RuleError;
use super::evaluation::{
    AskingRule, Evaluation, MatchedRule, Obligations, Occasion, Requirement, RuleMessage,
    RuleSummary,
};
use super::index::Index;
use super::load;
use super::rule::Rule;
use super::session::{self, Sorted};
use crate::effect::Effect;
use crate::invocation::{Invocation, Place};
use crate::profile::Profiles;

/// How long people have to answer where no rule says.
const REQUEST_TTL: Duration = Duration::from_hours(1);
/// How long an approved command may wait where no rule says.
const PERMIT_TTL: Duration = Duration::from_mins(5);

/// Gathers the rules of all layers.
#[derive(Debug, Default)]
pub struct PolicyBuilder {
    pub(super) rules: Vec<Rule>,
    pub(super) doubts: Vec<String>,
    warnings: Vec<String>,
    unreadable: Vec<String>,
    profiles: Arc<Profiles>,
}

impl PolicyBuilder {
    /// Returns a builder that holds the built-in baseline alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder that holds the built-in baseline alone, and checks rules by these
    /// profiles too.
    pub fn knowing(profiles: Arc<Profiles>) -> Self {
        Self {
            profiles,
            ..Self::default()
        }
    }

    /// Adds the rules of one text.
    ///
    /// # Errors
    /// Every mistake of the text, in the order of the text. None of its rules
    /// are added then, and a policy that is built all the same allows nothing.
    pub fn layer(
        &mut self,
        layer: Layer,
        source_name: &str,
        text: &str,
    ) -> Result<(), Vec<RuleError>> {
        match load::load(layer, source_name, text, &self.profiles) {
            Ok((rules, doubts)) => {
                for rule in &rules {
                    self.warn_of(rule);
                }
                self.rules.extend(rules);
                self.doubts.extend(doubts);
                Ok(())
            }
            Err(mut errors) => {
                errors.sort_by_key(|error| (error.line, error.column));
                self.unreadable.push(source_name.to_owned());
                Err(errors)
            }
        }
    }

    fn warn_of(&mut self, rule: &Rule) {
        let place = &rule.place;
        if place.layer.only_tightens() && rule.decision == Decision::Allow {
            self.warnings.push(format!(
                "{}:{}: rule `{}` allows, and the {} layer can only tighten: it has no effect",
                place.source, place.line, place.id, place.layer
            ));
        }
    }

    /// Returns what is not wrong in the rules and has no effect.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the policy.
    pub fn build(self) -> Policy {
        let mut rules = self.rules;
        rules.sort_by_key(|rule| rule.place.layer);
        Policy {
            index: Index::of(&rules),
            rules,
            warnings: self.warnings,
            unreadable: self.unreadable,
        }
    }
}

/// All rules in force. It never changes.
#[derive(Debug)]
pub struct Policy {
    /// In the order of the layers, and in each in the order of the text.
    pub(super) rules: Vec<Rule>,
    pub(super) index: Index,
    pub(super) warnings: Vec<String>,
    pub(super) unreadable: Vec<String>,
}

impl Policy {
    /// Returns the built-in baseline alone: `read` and `local` are allowed,
    /// the rest asks.
    pub fn baseline() -> Self {
        PolicyBuilder::new().build()
    }

    /// Returns what is not wrong in the rules and has no effect.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns all rules for showing, in the order in which they count.
    pub fn rules(&self) -> impl Iterator<Item = RuleSummary> {
        self.rules.iter().map(|rule| RuleSummary {
            rule: rule.place.clone(),
            decision: rule.decision,
            tools: rule.tools.clone(),
            commands: rule.commands.iter().map(|path| path.join(" ")).collect(),
            message: rule.message.clone(),
        })
    }

    /// Returns what each rule that asks wants met, in the order in which they
    /// count: for whoever is told by which rules a command was stopped.
    pub fn asking(&self) -> impl Iterator<Item = AskingRule<'_>> {
        self.rules
            .iter()
            .filter(|rule| rule.decision == Decision::RequireApproval)
            .map(|rule| AskingRule {
                id: &rule.place.id,
                requirements: &rule.requirements,
                request_ttl: rule.request_ttl,
                permit_ttl: rule.permit_ttl,
                remind_every: rule.remind_every,
                reason_required: rule.reason_required,
            })
    }

    /// Decides on a command and on each one inside it.
    ///
    /// The owner's rules (`server` and `machine`) decide together, the
    /// strictest first; where none of them matches, the baseline does. Rules
    /// of the user and of the project are heard after that and can only
    /// tighten. A command inside another one is decided on as if it stood
    /// alone, and the strictest answer counts: who lets `env` through lets
    /// nothing through that `env` starts.
    pub fn evaluate(&self, invocation: &Invocation, cwd: &Path, occasion: &Occasion) -> Evaluation {
        let mut heard = Heard::default();
        if invocation.inner().next().is_none() {
            self.hear((invocation, cwd, Place::Here), occasion, &mut heard);
        } else {
            for one in each(invocation, cwd) {
                self.hear(one, occasion, &mut heard);
            }
        }
        heard.extend(self.inconsistency(invocation));
        conclude(invocation, heard)
    }

    /// Hears the rules on one command, without those inside it.
    fn hear<'p>(
        &'p self,
        (invocation, cwd, place): (&Invocation, &Path, Place),
        occasion: &Occasion,
        heard: &mut Heard<'p>,
    ) {
        let candidates = self.index.candidates(invocation);
        let Sorted {
            mut matching,
            unkept,
        } = Sorted::of(self.numbered(candidates), (invocation, cwd, occasion));
        let speakers = Speakers::among(&matching);
        matching.retain(|rule| speakers.silence_of(rule).is_none());
        if speakers.is_built_in_heard() {
            heard.extend(baseline(invocation, place));
        }
        if !unkept.is_empty() {
            heard.extend([session::unkept()]);
            heard.unkept.extend(unkept);
        }
        for rule in matching {
            if !heard
                .matching
                .iter()
                .any(|known| std::ptr::eq(*known, rule))
            {
                heard.extend([(rule.decision, rule.place.clone())]);
                heard.matching.push(rule);
            }
        }
    }

    /// Returns the rules about such a tool and command, in their order.
    pub(super) fn rules_about(&self, invocation: &Invocation) -> Vec<&Rule> {
        self.numbered(self.index.about(invocation)).collect()
    }

    fn numbered(&self, numbers: Vec<usize>) -> impl Iterator<Item = &Rule> {
        let numbers = numbers.into_iter();
        numbers.filter_map(|number| self.rules.get(number))
    }

    /// Returns how many rules there are.
    pub(super) fn count(&self) -> usize {
        self.rules.len()
    }

    /// Something of ours is wrong: then nothing is allowed.
    pub(super) fn inconsistency(&self, invocation: &Invocation) -> Option<(Decision, MatchedRule)> {
        let id = if !self.unreadable.is_empty() {
            "gate/unreadable-rules"
        } else if !invocation.is_consistent() {
            "gate/inconsistent-reading"
        } else {
            return None;
        };
        Some((Decision::RequireApproval, built_in(id.to_owned())))
    }
}

/// Returns a command and each one inside it with the folder that it starts in, the outer one
/// first.
pub(super) fn each<'i>(
    invocation: &'i Invocation,
    cwd: &'i Path,
) -> Vec<(&'i Invocation, &'i Path, Place)> {
    let mut all = Vec::new();
    let mut waiting = Vec::new();
    let mut first = Some((invocation, cwd, Place::Here));
    while let Some((one, cwd, place)) = first.take().or_else(|| waiting.pop()) {
        all.push((one, cwd, place));
        // The first one inside speaks first.
        let before = waiting.len();
        waiting.extend(one.inner().map(|inner| {
            let is_here = place == Place::Here && inner.place == Place::Here;
            let place = if is_here {
                Place::Here
            } else {
                Place::Elsewhere
            };
            (&inner.invocation, &*inner.cwd, place)
        }));
        waiting.get_mut(before..).unwrap_or_default().reverse();
    }
    all
}

/// What the rules said of a command and of those inside it.
#[derive(Default)]
struct Heard<'p> {
    /// The strictest decision, and the first rule that made it.
    decided: Option<(Decision, MatchedRule)>,
    matched: Vec<MatchedRule>,
    matching: Vec<&'p Rule>,
    /// The rules that would allow in a session that can't be had, and why not.
    unkept: Vec<(&'p Rule, &'static str)>,
}

impl Extend<(Decision, MatchedRule)> for Heard<'_> {
    fn extend<I: IntoIterator<Item = (Decision, MatchedRule)>>(&mut self, decided: I) {
        for (decision, rule) in decided {
            let strictest = self.decided.as_ref().map(|(strictest, _)| *strictest);
            if strictest < Some(decision) {
                self.decided = Some((decision, rule.clone()));
            }
            self.matched.push(rule);
        }
    }
}

/// `read` and `local` are allowed, the rest asks. Only what the command does
/// itself counts here: those inside it are heard one by one.
///
/// Of a command that runs elsewhere what is not understood is part of what the
/// outer one does by running anything there; it says nothing more.
pub(super) fn baseline(invocation: &Invocation, place: Place) -> Option<(Decision, MatchedRule)> {
    let effect = match place {
        Place::Here => invocation.own_effects.strictest(),
        Place::Elsewhere => invocation.own_effects.understood()?,
    };
    let decision = match effect {
        Effect::Read | Effect::Local => Decision::Allow,
        Effect::Write
        | Effect::Destroy
        | Effect::Access
        | Effect::Secret
        | Effect::Execute
        | Effect::Unknown => Decision::RequireApproval,
    };
    let tool = if invocation.known {
        &*invocation.tool
    } else {
        "other"
    };
    let id = ["baseline/", tool, "-", effect.as_str()].concat();
    Some((decision, built_in(id)))
}

pub(super) fn built_in(id: String) -> MatchedRule {
    MatchedRule {
        id,
        layer: Layer::Baseline,
        source: Cow::Borrowed("built in"),
        line: 0,
    }
}

fn conclude(invocation: &Invocation, heard: Heard<'_>) -> Evaluation {
    let Heard {
        decided,
        matched,
        matching,
        unkept,
    } = heard;
    let matching = &*matching;
    let nobody = || (Decision::Deny, built_in("gate/no-rule".to_owned()));
    let (decision, deciding) = decided.unwrap_or_else(nobody);
    let messages = messages(decision, matching);
    let mut reasons = Vec::with_capacity(invocation.reasons.len() + messages.len() + 1);
    reasons.extend_from_slice(&invocation.reasons);
    say(decision, &deciding, &messages, &mut reasons);
    reasons.extend(session::said(matching, &unkept));
    Evaluation {
        decision,
        effect: invocation.effect,
        tool: invocation.tool.clone(),
        command: invocation.command.clone(),
        deciding,
        matched,
        reasons,
        obligations: obligations(decision, matching),
        messages,
    }
}

/// Returns what the rules that say the same as the decision want said. They
/// stand in the order of the layers, so that the owner's speak first.
fn messages(decision: Decision, matching: &[&Rule]) -> Vec<RuleMessage> {
    let speaking = matching.iter().filter(|rule| rule.decision == decision);
    let messages = speaking.filter_map(|rule| {
        Some(RuleMessage {
            rule: rule.place.clone(),
            text: rule.message.clone()?,
        })
    });
    messages.collect()
}

/// Adds a reason for the rule that decided and for each other one that has
/// something to say, every one with its own words and no other's.
fn say(
    decision: Decision,
    deciding: &MatchedRule,
    messages: &[RuleMessage],
    reasons: &mut Vec<String>,
) {
    let what = match decision {
        Decision::Allow => " says allow",
        Decision::RequireApproval => " says require_approval",
        Decision::Deny => " says deny",
    };
    if !messages.iter().any(|message| message.rule == *deciding) {
        reasons.push(deciding.says(what));
    }
    let messages = messages.iter();
    reasons
        .extend(messages.map(|message| format!("{}: {}", message.rule.says(what), message.text)));
}

/// Every requirement must be met, the shortest times count, and what is
/// recorded is the most that any rule wants.
fn obligations(decision: Decision, matching: &[&Rule]) -> Obligations {
    let asking = || {
        matching
            .iter()
            .filter(|rule| rule.decision == Decision::RequireApproval)
    };
    let mut requirements: Vec<Requirement> = Vec::new();
    if decision == Decision::RequireApproval {
        for requirement in asking().flat_map(|rule| &rule.requirements) {
            if !requirements.contains(requirement) {
                requirements.push(requirement.clone());
            }
        }
        if requirements.is_empty() {
            requirements.push(Requirement::of_anyone());
        }
    }
    let recorded = matching.iter().filter_map(|rule| rule.record).max();
    Obligations {
        requirements,
        request_ttl: asking()
            .filter_map(|rule| rule.request_ttl)
            .min()
            .unwrap_or(REQUEST_TTL),
        permit_ttl: asking()
            .filter_map(|rule| rule.permit_ttl)
            .min()
            .unwrap_or(PERMIT_TTL),
        remind_every: asking().filter_map(|rule| rule.remind_every).min(),
        reason_required: matching.iter().any(|rule| rule.reason_required),
        environment: session::note(matching).into_iter().collect(),
        record: match decision {
            Decision::Allow => recorded.unwrap_or(Recording::Decision),
            Decision::Deny => recorded
                .unwrap_or(Recording::Decision)
                .max(Recording::Decision),
            Decision::RequireApproval => Recording::Outcome,
        },
    }
}
