//! A decision with the rules that matched and why.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use super::decision::{Decision, Layer, Recording};
use crate::effect::Effect;
use crate::invocation::EnvironmentNote;
use crate::profile::Text;

/// Who asks, and when.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// Who asks.
    pub caller: Caller,
    /// The present, by the clock of whoever evaluates.
    pub now: Timestamp,
    /// Tells how far local time is from UTC at a moment. Asked only for rules
    /// with `zone = "local"`: to find the zone costs reading files.
    pub local_offset: fn(Timestamp) -> Offset,
}

impl Occasion {
    /// Returns an occasion of which nothing is known but the time.
    pub fn of_nobody(now: Timestamp) -> Self {
        Self {
            caller: Caller {
                kind: CallerKind::User,
                name: String::new(),
                host: String::new(),
                ci: false,
                terminal: false,
            },
            now,
            local_offset: |_| Offset::UTC,
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What kind of principal it is.
    pub kind: CallerKind,
    /// Its name, as in `alice`.
    pub name: String,
    /// The machine that it asks from.
    pub host: String,
    /// Whether it runs in a CI job.
    pub ci: bool,
    /// Whether a terminal is attached.
    pub terminal: bool,
}

/// What kind of principal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    /// A person.
    User,
    /// A program that a person owns.
    Agent,
    /// A CI job or a service account.
    Workload,
}

impl CallerKind {
    /// Returns the word that stands for it in rules and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Workload => "workload",
        }
    }
}

/// The decision on one command, with everything that led to it.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Evaluation {
    /// What may happen.
    pub decision: Decision,
    /// The command's strictest effect.
    pub effect: Effect,
    /// The tool.
    pub tool: Text,
    /// The subcommand path.
    pub command: Vec<Text>,
    /// The rule that decided: the first of the strictest.
    pub deciding: MatchedRule,
    /// Every rule that matched and counted, in the order of the layers.
    pub matched: Vec<MatchedRule>,
    /// Why, as text for people.
    pub reasons: Vec<String>,
    /// What the decision asks for.
    pub obligations: Obligations,
    /// What the rules that say the same as the decision want said, each under
    /// its own name; the owner's first.
    pub messages: Vec<RuleMessage>,
}

/// What a rule wants said to whoever is stopped. It is that rule's word alone:
/// a project's rule must not be heard as the owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMessage {
    /// The rule that it stands in.
    pub rule: MatchedRule,
    /// The text, as written.
    pub text: String,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchedRule {
    /// Its id.
    pub id: String,
    /// Its layer.
    pub layer: Layer,
    /// The file or address it came from; `built in` for the baseline.
    pub source: Text,
    /// The line of that source, from one; zero when it has none.
    pub line: usize,
}

impl MatchedRule {
    /// Returns the rule's name for a sentence. That a nearer layer speaks is part of it: such a
    /// rule may bear the id of one of the owner's.
    pub fn named(&self) -> String {
        self.says("")
    }

    /// Returns the same with more behind it.
    pub(super) fn says(&self, more: &str) -> String {
        let id = self.id.as_str();
        let (of, layer) = if self.layer.only_tightens() {
            (" of the ", self.layer.as_str())
        } else {
            ("", "")
        };
        ["rule `", id, "`", of, layer, more].concat()
    }
}

/// What a decision asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligations {
    /// Who must agree; every one of these must be met. Empty unless the
    /// decision is [`Decision::RequireApproval`].
    pub requirements: Vec<Requirement>,
    /// How long people have to answer.
    pub request_ttl: Duration,
    /// How long an approved command may wait before it starts.
    pub permit_ttl: Duration,
    /// How often people are reminded as long as it waits for answers.
    pub remind_every: Option<Duration>,
    /// Whether the caller must say why.
    pub reason_required: bool,
    /// What is recorded.
    pub record: Recording,
    /// What is set for the tool, whatever is decided.
    pub environment: Vec<EnvironmentNote>,
}

/// How many of whom must agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// `group:NAME` or `user:NAME`; empty: anyone who may approve at all.
    pub approvers: Vec<String>,
    /// How many distinct people.
    pub count: u16,
    /// The rule that asks for several requirements: they are met by different
    /// people. None where the rule has one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// Who may agree too, once nobody did for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

/// A second group that joins where the first one is silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// After how long, in whole seconds.
    pub after_seconds: u64,
    /// `group:NAME` or `user:NAME`, at least one.
    pub to: Vec<String>,
}

impl Requirement {
    /// Returns what a rule wants that says nothing of people: anyone, once.
    pub(super) const fn of_anyone() -> Self {
        Self {
            approvers: Vec::new(),
            count: 1,
            apart: None,
            escalation: None,
        }
    }
}

/// What a rule that asks wants met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskingRule<'a> {
    /// Its id.
    pub id: &'a str,
    /// Who must agree; every one of these must be met.
    pub requirements: &'a [Requirement],
    /// How long people have to answer; none where the rule leaves it open.
    pub request_ttl: Option<Duration>,
    /// How long an approved command may wait; none where the rule leaves it open.
    pub permit_ttl: Option<Duration>,
    /// How often people are reminded; none where the rule wants no reminders.
    pub remind_every: Option<Duration>,
    /// Whether nobody is asked without a reason.
    pub reason_required: bool,
}

/// A rule for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// Where it stands.
    pub rule: MatchedRule,
    /// What it says.
    pub decision: Decision,
    /// The tools it is for, as patterns; empty: all.
    pub tools: Vec<String>,
    /// The subcommand paths it is for, as patterns; empty: all.
    pub commands: Vec<String>,
    /// What it wants said.
    pub message: Option<String>,
}
