//! A proposed rule: as text, and held against what it was made from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use gate_policy::{
    Decision, EffectSet, Hearing, Layer, Miss, Occasion, Policy, PolicyBuilder, Profiles,
};
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::inert::inert;
use jiff::Timestamp;
use serde::Serialize;

use super::group::{Subject, Tally};
use super::seen::{Seen, WhyNot};

/// The longest condition that is made, in bytes; gate reads one of 1,000.
const CONDITION_BYTES: usize = 900;
/// The most commands that one condition tells.
const CONDITION_COMMANDS: usize = 4;

/// A rule that is proposed.
#[derive(Debug, Serialize)]
pub(super) struct Suggestion {
    id: String,
    decision: &'static str,
    tool: String,
    command: Vec<String>,
    effect: Vec<String>,
    target: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    #[serde(flatten)]
    tally: Tally,
    /// As it stands in a rule file.
    pub(super) toml: String,
}

/// What rules are made from.
pub(super) struct Basis<'a> {
    pub(super) profiles: &'a Arc<Profiles>,
    pub(super) subject: &'a Subject,
    pub(super) tally: &'a Tally,
}

impl Basis<'_> {
    /// Returns a rule that denies or asks.
    ///
    /// # Errors
    /// What was answered can't be said in a rule.
    pub(super) fn tightening(&self, decision: Decision) -> Result<Suggestion, WhyNot> {
        refuse_patterns(self.subject)?;
        let effect = vec![self.subject.effect.clone()];
        let rule = self.suggestion(id(self.subject)?, decision, effect, None);
        refuse_unprintable(&rule)?;
        policy_of(self.profiles, &rule)?;
        Ok(rule)
    }

    /// Returns rules that allow what was seen; several where one would be too long.
    ///
    /// # Errors
    /// What was seen can't be said in a rule, or such a rule would not let it pass.
    pub(super) fn allowing(&self, seen: &[Seen]) -> Result<Vec<Suggestion>, WhyNot> {
        refuse_patterns(self.subject)?;
        let parts = parts(seen).into_iter().enumerate();
        parts
            .map(|(at, part)| self.allowing_part(at, &part))
            .collect()
    }

    fn allowing_part(&self, at: usize, part: &[&Seen]) -> Result<Suggestion, WhyNot> {
        let conditions: Vec<String> = part
            .iter()
            .map(|one| format!("({})", one.condition))
            .collect();
        let fields = self.subject.target.len();
        let when = format!("size(target) == {fields} && ({})", conditions.join(" || "));
        let effects = part
            .iter()
            .fold(EffectSet::default(), |all, one| all.union(one.effects()));
        let effects = effects
            .iter()
            .map(|effect| effect.as_str().to_owned())
            .collect();
        let mut id = id(self.subject)?;
        if at > 0 {
            let _ = write!(id, "-{}", at + 1);
        }
        let mut rule = self.suggestion(id, Decision::Allow, effects, Some(when));
        refuse_unprintable(&rule)?;
        // A rule that allows by a part of the target lets nothing pass that acts elsewhere too: it
        // leaves out the parts that say nothing of where this command acts.
        while let Some(miss) = self.miss(&rule, part)? {
            let field = miss.field.strip_prefix("target.").unwrap_or_default();
            if rule.target.remove(field).is_none() {
                let Miss { field, found, .. } = miss;
                return Err(WhyNot(format!(
                    "a rule of its own could not let it pass by `{field}`: {found}"
                )));
            }
            rule.toml = rule.drawn();
        }
        Ok(rule)
    }

    /// Returns why a rule would not let one of these commands pass.
    ///
    /// # Errors
    /// It is no rule, or it matches and something else is stricter.
    fn miss(&self, rule: &Suggestion, part: &[&Seen]) -> Result<Option<Miss>, WhyNot> {
        let policy = policy_of(self.profiles, rule)?;
        let nobody = Occasion::of_nobody(Timestamp::now());
        for one in part {
            let decided = policy.evaluate(&one.invocation, &one.cwd, &nobody);
            if decided.decision == Decision::Allow && decided.deciding.id == rule.id {
                continue;
            }
            let considered = policy.consider(&one.invocation, &one.cwd, &nobody);
            let mut rules = considered.into_iter().flat_map(|one| one.rules);
            let own = rules.find(|considered| considered.rule.id == rule.id);
            return match own.map(|own| own.hearing) {
                Some(Hearing::Misses(miss)) => Ok(Some(miss)),
                Some(Hearing::Counts | Hearing::Silent(_)) | None => {
                    Err(WhyNot::of("a rule of its own could not let it pass"))
                }
            };
        }
        Ok(None)
    }

    fn suggestion(
        &self,
        id: String,
        decision: Decision,
        effect: Vec<String>,
        when: Option<String>,
    ) -> Suggestion {
        let mut rule = Suggestion {
            id,
            decision: decision.as_str(),
            tool: self.subject.tool.clone(),
            command: self.subject.command.clone(),
            effect,
            target: self.subject.target.clone(),
            when,
            tally: self.tally.clone(),
            toml: String::new(),
        };
        rule.toml = rule.drawn();
        rule
    }
}

/// Returns different commands in handfuls that one condition can tell.
fn parts(seen: &[Seen]) -> Vec<Vec<&Seen>> {
    let different: BTreeMap<&str, &Seen> = seen
        .iter()
        .map(|one| (one.condition.as_str(), one))
        .collect();
    let mut parts: Vec<Vec<&Seen>> = Vec::new();
    let mut bytes = 0;
    for (condition, one) in different {
        bytes += condition.len();
        match parts.last_mut() {
            Some(part) if part.len() < CONDITION_COMMANDS && bytes <= CONDITION_BYTES => {
                part.push(one);
            }
            Some(_) | None => {
                bytes = condition.len();
                parts.push(vec![one]);
            }
        }
    }
    parts
}

/// In a rule these would stand for more than what was seen.
fn refuse_patterns(subject: &Subject) -> Result<(), WhyNot> {
    let is_pattern = |word: &String| word.contains(['*', '?']);
    let words = subject.command.iter().chain(subject.target.values());
    if words.chain([&subject.tool]).any(is_pattern) {
        return Err(WhyNot::of(
            "it names a `*` or a `?`, which is a pattern in a rule",
        ));
    }
    Ok(())
}

/// Whoever reviews the rule must see what it says: no sign that moves a cursor or turns letters.
fn refuse_unprintable(rule: &Suggestion) -> Result<(), WhyNot> {
    let words = rule.command.iter().chain(rule.target.values());
    let words = words.chain([&rule.tool]).chain(&rule.when);
    // A backslash shows itself; it is doubled where escapes are added, and here none is.
    let is_shown = |word: String| inert(&word) == word;
    if words
        .into_iter()
        .all(|word| is_shown(word.replace('\\', "")))
    {
        return Ok(());
    }
    Err(WhyNot::of("it names signs that can't be shown"))
}

/// The same subject has the same id each time, so that a rule that is in force already is seen.
///
/// # Errors
/// The subject has no canonical form.
fn id(subject: &Subject) -> Result<String, WhyNot> {
    let words = std::iter::once(&subject.tool).chain(&subject.command);
    let words = words.flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric()));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let canonical = to_canonical_bytes(subject)
        .map_err(|error| WhyNot(format!("a rule for it can't be named: {error}")))?;
    let digest = Digest::of_bytes(&canonical).to_string();
    let digest = digest.get(..8).unwrap_or_default();
    Ok(format!("suggested/{}-{digest}", words.join("-")))
}

impl Suggestion {
    /// The rule as it stands in a file, with what it rests on above it.
    fn drawn(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let Tally {
            approved,
            denied,
            people,
            first,
            last,
        } = &self.tally;
        // Writing to a String can't fail.
        let mut text = format!(
            "# {}, {}, by {}\n# first {first}, last {last}\n[[rule]]\nid = {}\ntool = {}\n",
            counted("approved", *approved),
            counted("denied", *denied),
            if *people == 1 {
                "1 person".to_owned()
            } else {
                format!("{people} people")
            },
            quoted(&self.id),
            quoted(&self.tool),
        );
        if !self.command.is_empty() {
            let _ = writeln!(text, "command = {}", quoted(&self.command.join(" ")));
        }
        let effects: Vec<String> = self.effect.iter().map(|effect| quoted(effect)).collect();
        let _ = writeln!(text, "effect = [{}]", effects.join(", "));
        if !self.target.is_empty() {
            let fields = self.target.iter();
            let fields: Vec<String> = fields
                .map(|(field, value)| format!("{} = {}", quoted(field), quoted(value)))
                .collect();
            let _ = writeln!(text, "target = {{ {} }}", fields.join(", "));
        }
        if let Some(when) = &self.when {
            let _ = writeln!(text, "when = {}", quoted(when));
        }
        let _ = writeln!(text, "decision = {}", quoted(self.decision));
        text
    }
}

fn counted(what: &str, count: usize) -> String {
    match count {
        0 => format!("never {what}"),
        1 => format!("{what} once"),
        _ => format!("{what} {count} times"),
    }
}

/// Returns the policy of the baseline and this rule alone, as the machine owner's.
fn policy_of(profiles: &Arc<Profiles>, rule: &Suggestion) -> Result<Policy, WhyNot> {
    let mut builder = PolicyBuilder::knowing(Arc::clone(profiles));
    builder
        .layer(Layer::Machine, &rule.id, &rule.toml)
        .map_err(|found| {
            let first = found.first().map(|mistake| mistake.problem.clone());
            WhyNot(format!("no rule can say it: {}", first.unwrap_or_default()))
        })?;
    Ok(builder.build())
}
