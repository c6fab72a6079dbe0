//! All that is known of how a command is read and decided, with its secrets masked.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;

use gate_policy::{
    Consideration, Considered, Decision, EnvironmentAction, EnvironmentNote, Evaluation, Hearing,
    Input, InputKind, Invocation, Miss, Nested, Place, Promise, Requirement, UsedProfile, Word,
};
use gate_protocol::inert::inert;
use serde::Serialize;

/// What is said of a file or folder of which there is nothing.
const NOT_THERE: &str = "not there";
/// What is said of a standard input that is a terminal.
const TYPED: &str = "what is typed at the terminal, of which there is no copy";
/// What stands for a secret that is repeated in a sentence or a statement.
const MASKED: &str = "‹secret›";

/// A command as it is read and decided. `docs/rules.md` describes the fields.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub(super) decision: &'static str,
    pub(super) rule: String,
    /// Whether the session is held to reading, so that what is unknown counts as that.
    #[serde(skip)]
    pub(super) is_held: bool,
    /// The real program; none where there is none that may be run.
    pub(super) runs: Option<String>,
    /// Why nothing would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_run: Option<String>,
    #[serde(flatten)]
    pub(super) read: Read,
    pub(super) secrets_masked: usize,
    pub(super) messages: Vec<Message>,
    pub(super) requires: Vec<Requirement>,
}

/// One command as its tool would read it; the same shape for one inside another.
#[derive(Debug, Serialize)]
pub(super) struct Read {
    pub(super) tool: String,
    pub(super) known: bool,
    /// The profile that it was read by, where it is not built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<UsedProfile>,
    pub(super) command: Vec<String>,
    pub(super) effect: &'static str,
    pub(super) effects: Vec<&'static str>,
    pub(super) reasons: Vec<String>,
    pub(super) words: Vec<ExplainedWord>,
    pub(super) target: BTreeMap<String, String>,
    pub(super) inputs: Vec<ExplainedInput>,
    pub(super) environment: Vec<ExplainedVariable>,
    pub(super) unlisted_variables: Vec<String>,
    pub(super) nested: Vec<Inside>,
    /// The rules about such a command, and how many there are about others.
    pub(super) rules: Vec<ExplainedRule>,
    pub(super) rules_elsewhere: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplainedWord {
    pub(super) text: String,
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    /// The variable that adds it to those of argv.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) variable: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplainedInput {
    /// Whether a word of the command names it.
    #[serde(skip)]
    pub(super) is_named: bool,
    pub(super) kind: &'static str,
    pub(super) role: String,
    pub(super) path: String,
    /// How the approved bytes reach the tool, where somebody is asked; or that there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) promise: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplainedVariable {
    pub(super) name: String,
    pub(super) action: &'static str,
    /// What it is set to, where gate sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    pub(super) why: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Inside {
    /// Whether it is a command that runs on another machine or in a container.
    #[serde(skip)]
    pub(super) is_elsewhere: bool,
    pub(super) language: String,
    pub(super) text: String,
    pub(super) effect: &'static str,
    /// The whole reading, where it is a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inner: Option<Read>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplainedRule {
    pub(super) id: String,
    pub(super) layer: &'static str,
    pub(super) source: String,
    pub(super) line: usize,
    pub(super) decision: &'static str,
    /// `decides`, `counts`, `silent` or `misses`.
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) miss: Option<Miss>,
    /// Why its condition has no answer, where it matches all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) doubt: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) rule: String,
    pub(super) layer: &'static str,
    pub(super) text: String,
}

/// What the explanation is made of.
pub(super) struct Source<'a> {
    pub(super) evaluation: &'a Evaluation,
    /// What became of the rules, of the outer command first.
    pub(super) considered: std::vec::IntoIter<Consideration>,
    /// The secrets themselves, the longest first, for sentences that repeat one.
    pub(super) secrets: &'a [String],
    /// Whether the standard input is a terminal.
    pub(super) is_typed: bool,
}

impl Explained {
    pub(super) fn new(
        mut source: Source<'_>,
        runs: Result<String, String>,
        (invocation, cwd): (&Invocation, &Path),
        words: Vec<String>,
    ) -> Self {
        let (runs, not_run) = match runs {
            Ok(path) => (Some(path), None),
            Err(why) => (None, Some(why)),
        };
        let evaluation = source.evaluation;
        Self {
            decision: evaluation.decision.as_str(),
            rule: evaluation.deciding.id.clone(),
            is_held: evaluation.holds_session(),
            runs,
            not_run,
            read: Read::new(&mut source, (invocation, cwd, Place::Here), words),
            secrets_masked: invocation.known_secrets().count(),
            messages: evaluation
                .messages
                .iter()
                .map(|message| Message {
                    rule: message.rule.id.clone(),
                    layer: message.rule.layer.as_str(),
                    text: message.text.clone(),
                })
                .collect(),
            requires: evaluation.obligations.requirements.clone(),
        }
    }
}

impl Read {
    /// Reads on in the order in which the rules were considered: the outer command first.
    fn new(
        source: &mut Source<'_>,
        (invocation, cwd, place): (&Invocation, &Path, Place),
        words: Vec<String>,
    ) -> Self {
        let considered = source.considered.next();
        let elsewhere = considered.as_ref().map_or(0, |rules| rules.elsewhere);
        let rules = considered.into_iter().flat_map(|rules| rules.rules);
        let evaluation = source.evaluation;
        let rules = rules
            .map(|rule| ExplainedRule::new(rule, evaluation))
            .collect();
        let nested = invocation.nested.iter();
        let nested = nested.map(|nested| Inside::new(nested, source)).collect();
        let unlisted: Vec<&OsStr> = invocation.unlisted_variables().collect();
        let notes = invocation.environment.iter();
        let listed = notes.filter(|note| !unlisted.contains(&note.name.as_os_str()));
        let redacted = |text: &String| redacted(text, source.secrets);
        let target = invocation.target.iter();
        let inputs = invocation.inputs.iter();
        let inputs = inputs.map(|input| ExplainedInput::new(input, source, (cwd, place)));
        Self {
            tool: invocation.tool.to_string(),
            known: invocation.known,
            profile: invocation.profile.clone(),
            command: invocation.command.iter().map(ToString::to_string).collect(),
            effect: invocation.effect.as_str(),
            effects: invocation
                .effects
                .iter()
                .map(gate_policy::Effect::as_str)
                .collect(),
            reasons: invocation.reasons.iter().map(redacted).collect(),
            words: ExplainedWord::each(invocation, words),
            target: target
                .map(|(field, value)| (field.clone(), redacted(value)))
                .collect(),
            inputs: inputs.collect(),
            environment: listed.map(ExplainedVariable::new).collect(),
            unlisted_variables: unlisted
                .iter()
                .map(|name| name.to_string_lossy().into_owned())
                .collect(),
            nested,
            rules,
            rules_elsewhere: elsewhere,
        }
    }
}

impl ExplainedWord {
    fn each(invocation: &Invocation, words: Vec<String>) -> Vec<Self> {
        let pairs = words.into_iter().zip(&invocation.words);
        let mut words: Vec<Self> = pairs.map(|(text, read)| Self::new(text, read)).collect();
        for merged in invocation.merged.iter().rev() {
            let mut word = Self::new(inert(&merged.text).into_owned(), &merged.word);
            word.variable = inert(&merged.variable.to_string_lossy()).into_owned();
            words.insert(merged.at.min(words.len()), word);
        }
        words
    }

    fn new(text: String, read: &Word) -> Self {
        let name = if *read.name == text { "" } else { &read.name };
        Self {
            name: name.to_owned(),
            role: read.role.as_str(),
            variable: String::new(),
            text,
        }
    }
}

impl ExplainedInput {
    fn new(input: &Input, source: &Source<'_>, (cwd, place): (&Path, Place)) -> Self {
        let is_file = matches!(input.kind, InputKind::File | InputKind::Directory);
        let promise = if place == Place::Elsewhere {
            // What stands there is nothing that this machine has.
            None
        } else if input.kind == InputKind::Stdin && source.is_typed {
            Some(TYPED)
        } else if is_file && is_absent(&cwd.join(&input.path)) {
            Some(NOT_THERE)
        } else if source.evaluation.decision == Decision::RequireApproval {
            input.promise().map(Promise::as_str)
        } else {
            // Nothing is bound where nobody is asked.
            None
        };
        Self {
            is_named: input.argv_index.is_some(),
            kind: input.kind.as_str(),
            role: input.role.to_string(),
            path: input.path.to_string_lossy().into_owned(),
            promise,
            why: input.kind.refusal(),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        self.promise == Some(NOT_THERE)
    }
}

fn is_absent(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

impl ExplainedVariable {
    fn new(note: &EnvironmentNote) -> Self {
        Self {
            name: note.name.to_string_lossy().into_owned(),
            action: match &note.action {
                EnvironmentAction::Binds => "binds",
                EnvironmentAction::Merges => "merges",
                EnvironmentAction::Stripped => "stripped",
                EnvironmentAction::FirstKept => "first_kept",
                EnvironmentAction::Set(_) => "set",
                EnvironmentAction::MakesUnknown => "makes_unknown",
            },
            value: match &note.action {
                EnvironmentAction::Set(value) => Some(value.to_string_lossy().into_owned()),
                EnvironmentAction::Binds
                | EnvironmentAction::Merges
                | EnvironmentAction::Stripped
                | EnvironmentAction::FirstKept
                | EnvironmentAction::MakesUnknown => None,
            },
            why: note.why.to_string(),
        }
    }
}

impl Inside {
    fn new(nested: &Nested, source: &mut Source<'_>) -> Self {
        let inner = nested.inner.as_ref();
        Self {
            is_elsewhere: inner.is_some_and(|inner| inner.place == Place::Elsewhere),
            language: nested.language.to_string(),
            text: redacted(&nested.text, source.secrets),
            effect: nested.effect.as_str(),
            inner: inner.map(|inner| {
                let secrets = source.secrets;
                let words = inner.argv.iter().map(|word| redacted(word, secrets));
                let read = (&inner.invocation, &*inner.cwd, inner.place);
                Read::new(source, read, words.collect())
            }),
        }
    }
}

impl ExplainedRule {
    fn new(considered: Considered, evaluation: &Evaluation) -> Self {
        let rule = considered.rule;
        let decides = rule == evaluation.deciding;
        let (outcome, why, miss) = match considered.hearing {
            Hearing::Counts if decides => ("decides", None, None),
            Hearing::Counts => ("counts", None, None),
            Hearing::Silent(why) => ("silent", Some(why), None),
            Hearing::Misses(miss) => ("misses", None, Some(miss)),
        };
        Self {
            id: rule.id,
            layer: rule.layer.as_str(),
            source: rule.source.into_owned(),
            line: rule.line,
            decision: considered.decision.as_str(),
            outcome,
            why,
            miss,
            doubt: considered.doubt,
        }
    }
}

/// Returns a text in which no secret of the command stands.
fn redacted(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), MASKED);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_a_sentence_repeats_is_masked_there_too() {
        let secrets = ["hunter22".to_owned(), "hunter2".to_owned(), String::new()];
        let text = redacted("ALTER ROLE a PASSWORD 'hunter22'; -- hunter2", &secrets);
        assert_eq!(text, "ALTER ROLE a PASSWORD '‹secret›'; -- ‹secret›");
    }
}
