//! `gate explain`: how gate reads a command, and why it decides as it does.

use std::ffi::OsString;
use std::fmt::Write as _;

use gate_policy::{EnvironmentAction, Evaluation, Invocation};
use gate_protocol::inert::inert;

use crate::circumstances;
use crate::failure::Failure;
use crate::identity::CommitmentKey;
use crate::mask::Masker;
use crate::pipeline;
use crate::reading;
use crate::show;
use crate::world::World;

/// Explain how a command is read and what decides about it
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Explain {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let reading = reading::read(world, &self.command)?;
        let around = circumstances::of_caller(&|name| world.env(name));
        let evaluation = pipeline::evaluate(world, &reading, &around)?;
        let key = CommitmentKey::for_record(&world.layout)?;
        let masker = Masker::new(&key, &reading.invocation.secrets);
        let name = self
            .command
            .first()
            .map(OsString::as_os_str)
            .unwrap_or_default();
        let mut text = String::new();
        match pipeline::real_tool(world, name) {
            Ok(tool) => put(&mut text, "runs", &tool.canonical.display().to_string()),
            Err(failure) => put(&mut text, "runs", &format!("nothing: {failure}")),
        }
        words(&mut text, &self.command, &reading.invocation, &masker);
        effect(&mut text, &reading.invocation);
        surroundings(&mut text, &reading.invocation);
        decision(&mut text, &evaluation);
        show::print(&text)
    }
}

fn words(text: &mut String, argv: &[OsString], invocation: &Invocation, masker: &Masker<'_>) {
    use std::os::unix::ffi::OsStrExt as _;
    text.push_str("words\n");
    for (index, (word, read)) in argv.iter().zip(&invocation.words).enumerate() {
        let shown = masker.word(index, word.as_bytes()).shown_word();
        let name = if read.name.is_empty() || *read.name == shown {
            String::new()
        } else {
            format!(" {}", inert(&read.name))
        };
        // Writing to a String can't fail.
        let _ = writeln!(text, "  {shown:<32} {}{name}", read.role.as_str());
    }
}

fn effect(text: &mut String, invocation: &Invocation) {
    put(text, "effect", invocation.effect.as_str());
    for reason in &invocation.reasons {
        let _ = writeln!(text, "  - {}", inert(reason));
    }
    for nested in &invocation.nested {
        let _ = writeln!(
            text,
            "  inside ({}): {}  → {}",
            nested.language,
            inert(&nested.text),
            nested.effect
        );
    }
}

fn surroundings(text: &mut String, invocation: &Invocation) {
    for (field, value) in &invocation.target {
        put(text, &format!("target {}", inert(field)), value);
    }
    for input in &invocation.inputs {
        let path = input.path.to_string_lossy();
        put(
            text,
            &format!("input {}", input.kind.as_str()),
            &match input.kind.refusal() {
                Some(why) => format!("{path} ({}): {why}", input.role),
                None => format!("{path} ({})", input.role),
            },
        );
    }
    let unlisted: Vec<_> = invocation.unlisted_variables().collect();
    for note in &invocation.environment {
        if unlisted.contains(&note.name.as_os_str()) {
            continue;
        }
        let what = match &note.action {
            EnvironmentAction::Binds => "is part of what is approved",
            EnvironmentAction::Stripped => "is taken away",
            EnvironmentAction::FirstKept => "loses all values but its first",
            EnvironmentAction::Set(_) => "is set by gate",
            EnvironmentAction::MakesUnknown => "makes the command unknown",
        };
        let name = note.name.to_string_lossy();
        put(text, "environment", &format!("{name} {what}: {}", note.why));
    }
    if !unlisted.is_empty() {
        let names: Vec<_> = unlisted.iter().map(|name| name.to_string_lossy()).collect();
        let line = format!(
            "{} that gate does not know, part of what is approved, their values masked: {}",
            names.len(),
            names.join(", ")
        );
        put(text, "environment", &line);
    }
    let masked = invocation.known_secrets().count();
    if masked > 0 {
        put(
            text,
            "secrets",
            &format!("{masked} masked before anything leaves"),
        );
    }
}

fn decision(text: &mut String, evaluation: &Evaluation) {
    put(
        text,
        "decision",
        &evaluation.decision.as_str().replace('_', " "),
    );
    let rule = &evaluation.deciding;
    let place = if rule.line == 0 {
        rule.layer.as_str().to_owned()
    } else {
        format!("{}, {}:{}", rule.layer, rule.source, rule.line)
    };
    put(text, "  by", &format!("{} ({place})", rule.id));
    for matched in evaluation.matched.iter().filter(|matched| *matched != rule) {
        put(
            text,
            "  also",
            &format!("{} ({})", matched.id, matched.layer),
        );
    }
    for message in &evaluation.messages {
        if message.rule == *rule {
            put(text, "  message", &message.text);
        } else {
            let said = format!("{}: {}", message.rule.named(), message.text);
            put(text, "  message of", &said);
        }
    }
    for requirement in &evaluation.obligations.requirements {
        let who = if requirement.approvers.is_empty() {
            "whomever the server names".to_owned()
        } else {
            requirement.approvers.join(", ")
        };
        put(text, "  needs", &format!("{} of {who}", requirement.count));
    }
}

fn put(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "{label}: {}", inert(value));
}
