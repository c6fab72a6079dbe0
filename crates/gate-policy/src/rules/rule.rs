//! One rule, ready to match.

use std::path::Path;
use std::time::Duration;

use super::condition::{Condition, NoAnswer};
use super::decision::{Decision, Recording};
use super::evaluation::{CallerKind, MatchedRule, Occasion, Requirement};
use super::reach;
use super::session::Session;
use super::window::Window;
use crate::effect::{Effect, EffectSet};
use crate::glob;
use crate::invocation::Invocation;
use crate::profile::Text;

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
    pub(super) condition: Option<Condition>,
    pub(super) is_everything: bool,
    pub(super) decision: Decision,
    pub(super) message: Option<String>,
    pub(super) reason_required: bool,
    pub(super) record: Option<Recording>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) request_ttl: Option<Duration>,
    pub(super) permit_ttl: Option<Duration>,
    pub(super) remind_every: Option<Duration>,
    pub(super) session: Option<Session>,
}

/// What a flag must be.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Fields of a target that name a file from which others come, of kubectl and
/// helm, of aws, and of gcloud and az.
const FILES: &[&str] = &["config_file", "credentials_file", "kubeconfig", "settings"];
/// What such a file says by a name of its own.
const OF_FILES: &[&str] = &[
    "account",
    "cluster",
    "configuration",
    "context",
    "profile",
    "project",
    "role",
    "subscription",
    "user",
];

/// A matcher of a rule, for saying which one a command does not meet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Matcher<'r> {
    Tool,
    Command,
    Effect,
    Flag(&'r str, &'r FlagMatch),
    Operands,
    Target(&'r str, &'r [String]),
    /// The field of a settings file that the caller chose and the rule does not name.
    File(&'static str),
    /// A field of the target that the rule names, and what the command reaches beside it.
    Beyond(&'static str, &'static str),
    Caller(&'static str),
    Cwd,
    Time,
    When(&'r Condition, Option<NoAnswer>),
    /// Why the session that the rule wants can't be had.
    Session(&'static str),
}

impl Rule {
    /// Tells whether the rule is about this command here and now.
    pub(super) fn matches(&self, invocation: &Invocation, cwd: &Path, occasion: &Occasion) -> bool {
        self.unmet(invocation, cwd, occasion).is_none()
    }

    /// Returns the first matcher that the command does not meet; none where the rule is about it.
    pub(super) fn unmet(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Option<Matcher<'_>> {
        if !any_glob(&self.tools, invocation.tool.as_bytes()) {
            return Some(Matcher::Tool);
        }
        if !self.matches_command(&invocation.command) {
            return Some(Matcher::Command);
        }
        if !self.matches_effects(self.effects_of(invocation)) {
            return Some(Matcher::Effect);
        }
        let mut flags = self.flags.iter();
        if let Some((name, wanted)) = flags.find(|(name, wanted)| !wanted.matches(name, invocation))
        {
            return Some(Matcher::Flag(name, wanted));
        }
        if !self.matches_operands(invocation) {
            return Some(Matcher::Operands);
        }
        if let Some((field, globs)) = self.unmet_target(invocation) {
            return Some(Matcher::Target(field, globs));
        }
        if let Some(field) = self.unnamed_file(invocation) {
            return Some(Matcher::File(field));
        }
        if let Some((field, what)) = self.beyond(invocation) {
            return Some(Matcher::Beyond(field, what));
        }
        if let Some(field) = self.caller.unmet(occasion) {
            return Some(Matcher::Caller(field));
        }
        if !self.matches_cwd(cwd) {
            return Some(Matcher::Cwd);
        }
        let is_outside = |window: &Window| !window.contains(occasion);
        if self.window.as_ref().is_some_and(is_outside) {
            return Some(Matcher::Time);
        }
        self.unmet_condition(invocation, cwd, occasion)
            .or_else(|| self.unmet_session(invocation))
    }

    /// Returns the effects that the rule has to be about: in a session that is
    /// held to reading, code of the database adds none.
    fn effects_of(&self, invocation: &Invocation) -> EffectSet {
        match self.session {
            Some(_) => invocation.held_effects.without(Effect::Unknown),
            None => invocation.effects,
        }
    }

    fn unmet_session(&self, invocation: &Invocation) -> Option<Matcher<'_>> {
        self.session.as_ref()?;
        invocation.why_no_session().map(Matcher::Session)
    }

    /// Returns why the command can't be held to what the rule wants of its
    /// session, where the rule would allow it but for that.
    pub(super) fn unkept(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Option<&'static str> {
        if self.session.is_none() || self.place.layer.only_tightens() {
            return None;
        }
        match self.unmet(invocation, cwd, occasion)? {
            Matcher::Session(why) => Some(why),
            Matcher::Tool
            | Matcher::Command
            | Matcher::Effect
            | Matcher::Flag(..)
            | Matcher::Operands
            | Matcher::Target(..)
            | Matcher::File(_)
            | Matcher::Beyond(..)
            | Matcher::Caller(_)
            | Matcher::Cwd
            | Matcher::Time
            | Matcher::When(..) => None,
        }
    }

    /// Where a condition has no answer, a rule that allows does not match, and one that tightens
    /// does.
    fn unmet_condition(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Option<Matcher<'_>> {
        let condition = self.condition.as_ref()?;
        match (condition.holds(invocation, cwd, occasion), self.decision) {
            (Ok(true), _) | (Err(_), Decision::RequireApproval | Decision::Deny) => None,
            (Ok(false), _) => Some(Matcher::When(condition, None)),
            (Err(why), Decision::Allow) => Some(Matcher::When(condition, Some(why))),
        }
    }

    /// Returns why the condition of a rule that matches has no answer, where it has none.
    pub(super) fn doubt(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Option<NoAnswer> {
        let condition = self.condition.as_ref()?;
        condition.holds(invocation, cwd, occasion).err()
    }

    /// A path matches itself and everything below it.
    fn matches_command(&self, command: &[Text]) -> bool {
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

    fn unmet_target(&self, invocation: &Invocation) -> Option<(&str, &[String])> {
        let is_met = |field: &str, globs: &[String]| {
            let value = invocation.target.get(field);
            value.is_some_and(|value| {
                any_glob(globs, value.as_bytes()) || self.meets_folded(field, globs, value)
            })
        };
        let mut target = self.target.iter();
        target
            .find(|(field, globs)| !is_met(field, globs))
            .map(|(field, globs)| (field.as_str(), globs.as_slice()))
    }

    /// Where a host stands in a pattern that begins anywhere is not known. So one that asks or
    /// denies is met in letters of any size.
    fn meets_folded(&self, field: &str, globs: &[String], value: &str) -> bool {
        let mut wild = globs.iter().filter(|glob| glob.contains(['*', '?']));
        self.decision != Decision::Allow
            && crate::target::has_host(field)
            && wild.any(|glob| {
                let (glob, value) = (glob.to_ascii_lowercase(), value.to_ascii_lowercase());
                glob::matches(glob.as_bytes(), value.as_bytes())
            })
    }

    /// A file that the caller names gives any name to anything: a rule that
    /// allows by a name out of it has to name the file too.
    fn unnamed_file(&self, invocation: &Invocation) -> Option<&'static str> {
        let names = |field: &str| self.target.iter().any(|(known, _)| known == field);
        if self.decision != Decision::Allow || !OF_FILES.iter().any(|field| names(field)) {
            return None;
        }
        let mut files = FILES.iter().copied();
        files.find(|file| invocation.target.contains_key(*file) && !names(file))
    }

    /// A rule that allows by a part of the target is not about a command that also
    /// acts elsewhere, whatever its target has there.
    fn beyond(&self, invocation: &Invocation) -> Option<(&'static str, &'static str)> {
        if self.decision != Decision::Allow {
            return None;
        }
        let is_named = |field: &str| {
            let is_one = |(name, globs): &(String, Vec<String>)| {
                name == field && !globs.iter().any(|glob| glob == "*")
            };
            let says_it = |condition: &Condition| condition.source().contains(field);
            self.target.iter().any(is_one) || self.condition.as_ref().is_some_and(says_it)
        };
        // What is pushed is a field of its own.
        let says_what = self.target.iter().any(|(name, _)| name == "refspecs");
        let fields = reach::FIELDS
            .iter()
            .filter(|field| is_named(field) && !(says_what && **field == "branch"));
        let mut found =
            fields.filter_map(|field| Some((*field, reach::beyond(invocation, field)?)));
        found.next()
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
    /// Tells whether it is about every caller.
    pub(super) fn is_about_all(&self) -> bool {
        self.kinds.is_empty()
            && self.names.is_empty()
            && self.hosts.is_empty()
            && self.ci.is_none()
            && self.terminal.is_none()
    }

    /// Returns the first field that the caller does not meet.
    fn unmet(&self, occasion: &Occasion) -> Option<&'static str> {
        let caller = &occasion.caller;
        let met = [
            (
                "kind",
                self.kinds.is_empty() || self.kinds.contains(&caller.kind),
            ),
            ("name", any_glob(&self.names, caller.name.as_bytes())),
            ("host", any_glob(&self.hosts, caller.host.as_bytes())),
            ("ci", self.ci.is_none_or(|wanted| wanted == caller.ci)),
            (
                "terminal",
                self.terminal.is_none_or(|wanted| wanted == caller.terminal),
            ),
        ];
        met.into_iter()
            .find(|(_, is_met)| !is_met)
            .map(|(name, _)| name)
    }
}

/// An empty list matches everything.
fn any_glob(globs: &[String], text: &[u8]) -> bool {
    globs.is_empty()
        || globs
            .iter()
            .any(|pattern| glob::matches(pattern.as_bytes(), text))
}
