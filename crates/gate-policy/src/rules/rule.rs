//! One rule, ready to match.

use std::path::Path;
use std::time::Duration;

use super::decision::{Decision, Recording};
use super::evaluation::{CallerKind, MatchedRule, Occasion, Requirement};
use super::window::Window;
use crate::effect::{Effect, EffectSet};
use crate::glob;
use crate::invocation::Invocation;

/// One rule. An empty list of a matcher matches everything.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) place: MatchedRule,
    pub(super) tools: Vec<String>,
    pub(super) commands: Vec<Vec<String>>,
    pub(super) effects: EffectSet,
    pub(super) flags: Vec<(String, FlagMatch)>,
    pub(super) operands: Vec<String>,
    pub(super) target: Vec<(String, Vec<String>)>,
    pub(super) caller: CallerMatch,
    pub(super) cwd: Vec<String>,
    pub(super) window: Option<Window>,
    pub(super) is_everything: bool,
    pub(super) decision: Decision,
    pub(super) message: Option<String>,
    pub(super) reason_required: bool,
    pub(super) record: Option<Recording>,
    pub(super) requirement: Requirement,
    pub(super) request_ttl: Option<Duration>,
    pub(super) permit_ttl: Option<Duration>,
}

/// What a flag must be.
#[derive(Clone, Debug)]
pub(super) enum FlagMatch {
    /// On, or given with any value.
    Given,
    /// Not given, or off.
    Absent,
    /// Given with a value that matches.
    Value(String),
}

/// What the caller must be.
#[derive(Clone, Debug, Default)]
pub(super) struct CallerMatch {
    pub(super) kinds: Vec<CallerKind>,
    pub(super) names: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) ci: Option<bool>,
    pub(super) terminal: Option<bool>,
}

impl Rule {
    /// Tells whether the rule is about this command here and now.
    pub(super) fn matches(&self, invocation: &Invocation, cwd: &Path, occasion: &Occasion) -> bool {
        any_glob(&self.tools, invocation.tool.as_bytes())
            && self.matches_command(&invocation.command)
            && self.matches_effects(invocation.effects)
            && self
                .flags
                .iter()
                .all(|(name, wanted)| wanted.matches(name, invocation))
            && self.matches_operands(invocation)
            && self.matches_target(invocation)
            && self.caller.matches(occasion)
            && self.matches_cwd(cwd)
            && self
                .window
                .as_ref()
                .is_none_or(|window| window.contains(occasion))
    }

    /// A path matches itself and everything below it.
    fn matches_command(&self, command: &[String]) -> bool {
        self.commands.is_empty()
            || self.commands.iter().any(|path| {
                path.len() <= command.len()
                    && path
                        .iter()
                        .zip(command)
                        .all(|(wanted, word)| glob::matches(wanted.as_bytes(), word.as_bytes()))
            })
    }

    /// A rule that tightens matches when the command has any of its effects.
    /// One that allows must cover all of them, and `unknown` only where it
    /// says so: a command that also does something else is not the one that
    /// its author meant.
    fn matches_effects(&self, effects: EffectSet) -> bool {
        if self.is_everything {
            return true;
        }
        match (self.decision, self.effects.is_empty()) {
            (Decision::Allow, true) => !effects.is_empty() && !effects.contains(Effect::Unknown),
            (Decision::Allow, false) => !effects.is_empty() && effects.is_subset(self.effects),
            (Decision::RequireApproval | Decision::Deny, true) => true,
            (Decision::RequireApproval | Decision::Deny, false) => {
                effects.is_empty() || effects.intersects(self.effects)
            }
        }
    }

    /// A rule that tightens speaks of a command that names such an operand
    /// among others; one that allows must cover every operand, or it would let
    /// `main` through beside `feature/x`.
    fn matches_operands(&self, invocation: &Invocation) -> bool {
        let covers = |operand: &Vec<u8>| any_glob(&self.operands, operand);
        let operands = &invocation.operands;
        self.operands.is_empty()
            || match self.decision {
                Decision::Allow => !operands.is_empty() && operands.iter().all(covers),
                Decision::RequireApproval | Decision::Deny => operands.iter().any(covers),
            }
    }

    fn matches_target(&self, invocation: &Invocation) -> bool {
        self.target.iter().all(|(field, globs)| {
            invocation
                .target
                .get(field)
                .is_some_and(|value| any_glob(globs, value.as_bytes()))
        })
    }

    fn matches_cwd(&self, cwd: &Path) -> bool {
        let cwd = cwd.as_os_str().as_encoded_bytes();
        self.cwd.is_empty()
            || self
                .cwd
                .iter()
                .any(|pattern| glob::path_matches(pattern.as_bytes(), cwd))
    }
}

impl FlagMatch {
    fn matches(&self, name: &str, invocation: &Invocation) -> bool {
        let uses = || invocation.options.iter().filter(|used| used.name == name);
        let is_on = |value: &Option<Vec<u8>>| {
            value.as_deref().and_then(crate::read::words::switch_value) != Some(false)
        };
        match self {
            Self::Given => uses().any(|used| is_on(&used.value)),
            Self::Absent => uses().all(|used| !is_on(&used.value)),
            Self::Value(pattern) => uses().any(|used| {
                glob::matches(
                    pattern.as_bytes(),
                    used.value.as_deref().unwrap_or_default(),
                )
            }),
        }
    }
}

impl CallerMatch {
    fn matches(&self, occasion: &Occasion) -> bool {
        let caller = &occasion.caller;
        (self.kinds.is_empty() || self.kinds.contains(&caller.kind))
            && any_glob(&self.names, caller.name.as_bytes())
            && any_glob(&self.hosts, caller.host.as_bytes())
            && self.ci.is_none_or(|wanted| wanted == caller.ci)
            && self.terminal.is_none_or(|wanted| wanted == caller.terminal)
    }
}

/// An empty list matches everything.
fn any_glob(globs: &[String], text: &[u8]) -> bool {
    globs.is_empty()
        || globs
            .iter()
            .any(|pattern| glob::matches(pattern.as_bytes(), text))
}
