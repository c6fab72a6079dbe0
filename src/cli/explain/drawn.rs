//! An explanation as a tree that a person reads from the top.

use gate_policy::Requirement;
use gate_protocol::inert::inert;

use super::explained::{Explained, ExplainedRule, ExplainedVariable, Inside, Read};
use crate::show::screen::Tone;
use crate::show::tree::Tree;

/// Returns the whole explanation: the decision on top, what led to it below.
pub(super) fn tree(explained: &Explained) -> Tree {
    let read = &explained.read;
    let what = format!(
        "{}: {}, effect {} ({})",
        spoken(explained.decision),
        called(read),
        read.effect,
        inert(&explained.rule)
    );
    let mut parts = vec![runs(explained)];
    parts.extend(parts_of(read));
    if explained.secrets_masked > 0 {
        let count = explained.secrets_masked;
        parts.push(
            Tree::of(Tone::Strong, "secrets")
                .with([plain(format!("{count} masked before anything leaves"))]),
        );
    }
    parts.push(rules(read));
    parts.extend(said(explained));
    parts.extend(needs(&explained.requires));
    Tree::of(tone_of(explained.decision), what).with(parts)
}

fn runs(explained: &Explained) -> Tree {
    let tree = Tree::of(Tone::Strong, "runs");
    match (&explained.runs, &explained.not_run) {
        (Some(path), _) => tree.cell(Tone::Plain, inert(path)),
        (None, why) => {
            let why = why.as_deref().unwrap_or_default();
            tree.cell(Tone::Alarm, format!("nothing: {}", inert(why)))
        }
    }
}

/// What is known of one command, also of one inside another.
fn parts_of(read: &Read) -> Vec<Tree> {
    let heading = |text: &str| Tree::of(Tone::Strong, text);
    let words = read.words.iter().map(|word| {
        let role = if word.name.is_empty() {
            word.role.to_owned()
        } else {
            format!("{} {}", word.role, inert(&word.name))
        };
        // Shown words are inert already.
        Tree::of(Tone::Plain, word.text.clone()).cell(Tone::Faint, role)
    });
    let effects = format!("effect {}", read.effects.join(", "));
    let target = read.target.iter();
    let target = target
        .map(|(field, value)| Tree::of(Tone::Faint, inert(field)).cell(Tone::Plain, inert(value)));
    let inputs = read.inputs.iter().map(|input| {
        let (kind, path) = (input.kind, inert(&input.path));
        let shown = match input.why.or(input.promise) {
            Some(words) => format!("{path} ({}): {words}", inert(&input.role)),
            None => format!("{path} ({})", inert(&input.role)),
        };
        let tone = if input.why.is_some() {
            Tone::Alarm
        } else {
            Tone::Plain
        };
        Tree::of(Tone::Faint, kind).cell(tone, shown)
    });
    let profile = read.profile.iter().map(|used| {
        let source = inert(&used.source);
        plain(if used.layer.only_tightens() {
            format!("{source} ({}): it can only make gate stricter", used.layer)
        } else {
            format!("{source} ({})", used.layer)
        })
    });
    let parts = [
        heading("profile").with(profile),
        heading("words").with(words),
        heading(&effects).with(read.reasons.iter().map(|why| plain(inert(why)))),
        heading("inside").with(read.nested.iter().map(inside)),
        heading("target").with(target),
        heading("inputs").with(inputs),
        heading("environment").with(environment(read)),
    ];
    let is_said = |part: &Tree| !part.is_leaf();
    parts.into_iter().filter(is_said).collect()
}

fn inside(nested: &Inside) -> Tree {
    Tree::of(Tone::Faint, inert(&nested.language))
        .cell(Tone::Strong, nested.effect)
        .cell(Tone::Plain, inert(&nested.text))
        .with(nested.inner.iter().flat_map(|read| {
            let mut parts = parts_of(read);
            parts.push(rules(read));
            parts
        }))
}

fn environment(read: &Read) -> Vec<Tree> {
    let mut parts: Vec<Tree> = read.environment.iter().map(variable).collect();
    let unlisted = &read.unlisted_variables;
    if !unlisted.is_empty() {
        parts.push(plain(format!(
            "{} that gate does not know, part of what is approved, their values masked: {}",
            unlisted.len(),
            inert(&unlisted.join(", "))
        )));
    }
    parts
}

fn variable(variable: &ExplainedVariable) -> Tree {
    let what = match variable.action {
        "binds" => "is part of what is approved",
        "stripped" => "is taken away",
        "first_kept" => "loses all values but its first",
        "set" => "is set by gate",
        _ => "makes the command unknown",
    };
    Tree::of(Tone::Plain, inert(&variable.name))
        .cell(Tone::Plain, format!("{what}: {}", inert(&variable.why)))
}

fn rules(read: &Read) -> Tree {
    let mut parts: Vec<Tree> = read.rules.iter().map(rule).collect();
    match read.rules_elsewhere {
        0 => {}
        1 => parts.push(Tree::of(Tone::Faint, "1 rule about something else")),
        count => parts.push(Tree::of(
            Tone::Faint,
            format!("{count} rules about something else"),
        )),
    }
    Tree::of(Tone::Strong, "rules").with(parts)
}

fn rule(rule: &ExplainedRule) -> Tree {
    let (mark, tone, outcome) = match (rule.outcome, &rule.miss, rule.why) {
        ("decides", _, _) => ("✓", tone_of(rule.decision), "decides".to_owned()),
        ("counts", _, _) => ("✓", Tone::Plain, "matches too".to_owned()),
        (_, Some(miss), _) => (
            "-",
            Tone::Faint,
            format!(
                "no: {} wants {}, found {}",
                inert(&miss.field),
                inert(&miss.wanted),
                inert(&miss.found)
            ),
        ),
        (_, None, why) => (
            "-",
            Tone::Faint,
            format!("not heard: {}", why.unwrap_or_default()),
        ),
    };
    let doubt = rule.doubt.as_deref();
    let doubt = doubt.map_or_else(String::new, |why| {
        format!(", its `when` has no answer: {why}")
    });
    let place = match rule.line {
        0 => rule.layer.to_owned(),
        line => format!("{}, {}:{line}", rule.layer, inert(&rule.source)),
    };
    Tree::of(tone, format!("{mark} {}", inert(&rule.id)))
        .cell(tone, spoken(rule.decision))
        .cell(tone, format!("{outcome}{doubt} ({place})"))
}

fn said(explained: &Explained) -> Option<Tree> {
    let messages = explained.messages.iter();
    let parts: Vec<Tree> = messages
        .map(|message| {
            let by = format!("{} ({})", inert(&message.rule), message.layer);
            Tree::of(Tone::Faint, by).cell(Tone::Plain, inert(&message.text))
        })
        .collect();
    (!parts.is_empty()).then(|| Tree::of(Tone::Strong, "said").with(parts))
}

fn needs(requires: &[Requirement]) -> Option<Tree> {
    let parts = requires.iter().map(|requirement| {
        let who = if requirement.approvers.is_empty() {
            "whomever the server names".to_owned()
        } else {
            requirement.approvers.join(", ")
        };
        plain(format!("{} of {}", requirement.count, inert(&who)))
    });
    (!requires.is_empty()).then(|| Tree::of(Tone::Strong, "needs").with(parts))
}

fn called(read: &Read) -> String {
    let words = std::iter::once(&read.tool).chain(&read.command);
    let words: Vec<_> = words.map(|word| inert(word)).collect();
    words.join(" ")
}

fn spoken(decision: &str) -> String {
    decision.replace('_', " ")
}

fn tone_of(decision: &str) -> Tone {
    match decision {
        "allow" => Tone::Good,
        "deny" => Tone::Alarm,
        _ => Tone::Strong,
    }
}

fn plain(text: impl Into<String>) -> Tree {
    Tree::of(Tone::Plain, text)
}
