//! An explanation as a tree that a person reads from the top.

use std::fmt::Write as _;

use gate_policy::{Decision, Effect, Requirement};
use gate_protocol::inert::inert;
use gate_protocol::span;

use super::explained::{Explained, ExplainedInput, ExplainedRule, ExplainedVariable, Inside, Read};
use crate::show::screen::Tone;
use crate::show::tree::Tree;

/// How many files that are not there are named.
const LISTED: usize = 2;

/// Returns the whole explanation: the decision on top, what led to it below.
pub(super) fn tree(explained: &Explained) -> Tree {
    let read = &explained.read;
    let held = if explained.is_held {
        ", held to reading by the server"
    } else {
        ""
    };
    let what = format!(
        "{}: {}, effect {}{held} ({})",
        spoken(explained.decision),
        called(read),
        read.effect,
        inert(&explained.rule)
    );
    let is_asked = explained.decision == Decision::RequireApproval.as_str();
    let mut parts = vec![runs(explained)];
    parts.extend(parts_of(read, is_asked));
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
fn parts_of(read: &Read, is_asked: bool) -> Vec<Tree> {
    let heading = |text: &str| Tree::of(Tone::Strong, text);
    let words = read.words.iter().map(|word| {
        let mut role = word.role.to_owned();
        if !word.name.is_empty() {
            role = format!("{role} {}", inert(&word.name));
        }
        if !word.variable.is_empty() {
            role = format!("{role}, of {}", word.variable);
        }
        // Shown words are inert already.
        Tree::of(Tone::Plain, word.text.clone()).cell(Tone::Faint, role)
    });
    let effects = format!("effect {}", read.effects.join(", "));
    let target = read.target.iter();
    let target = target
        .map(|(field, value)| Tree::of(Tone::Faint, inert(field)).cell(Tone::Plain, inert(value)));
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
        heading("inside").with(read.nested.iter().map(|nested| inside(nested, is_asked))),
        heading("target").with(target),
        heading("inputs").with(inputs(&read.inputs, is_asked)),
        heading("environment").with(environment(read, is_asked)),
    ];
    let is_said = |part: &Tree| !part.is_leaf();
    parts.into_iter().filter(is_said).collect()
}

/// What it reads. Files that are not there are many where a tool looks for its settings; one that
/// a word names was meant to be there, and stands by itself.
fn inputs(all: &[ExplainedInput], is_asked: bool) -> Vec<Tree> {
    let (absent, there): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|input| input.is_absent() && !input.is_named);
    if absent.len() <= LISTED {
        return all.iter().map(input).collect();
    }
    let mut parts: Vec<Tree> = there.into_iter().map(input).collect();
    let first = absent.iter().take(LISTED);
    let first: Vec<_> = first.map(|input| inert(&input.path)).collect();
    let what = if is_asked {
        "that are not there and must not appear"
    } else {
        "that are not there"
    };
    let shown = format!("{} {what}: {}, …", absent.len(), first.join(", "));
    parts.push(Tree::of(Tone::Faint, "files").cell(Tone::Faint, shown));
    parts
}

fn input(input: &ExplainedInput) -> Tree {
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
}

fn inside(nested: &Inside, is_asked: bool) -> Tree {
    let is_outers = nested.is_elsewhere && nested.effect == Effect::Unknown.as_str();
    let outers = is_outers.then(|| {
        plain("it runs elsewhere: what is not understood of it is part of the command around it")
    });
    Tree::of(Tone::Faint, inert(&nested.language))
        .cell(Tone::Strong, nested.effect)
        .cell(Tone::Plain, inert(&nested.text))
        .with(nested.inner.iter().flat_map(|read| {
            let mut parts = parts_of(read, is_asked);
            parts.push(rules(read));
            parts
        }))
        .with(outers)
}

fn environment(read: &Read, is_asked: bool) -> Vec<Tree> {
    let bound = if is_asked {
        "is part of what is approved"
    } else {
        "matters"
    };
    let variables = read.environment.iter();
    let mut parts: Vec<Tree> = variables.map(|one| variable(one, bound)).collect();
    let unlisted = &read.unlisted_variables;
    if !unlisted.is_empty() {
        parts.push(plain(format!(
            "{} that gate does not know{}, their values masked: {}",
            unlisted.len(),
            if is_asked {
                ", part of what is approved"
            } else {
                ""
            },
            inert(&unlisted.join(", "))
        )));
    }
    parts
}

fn variable(variable: &ExplainedVariable, bound: &str) -> Tree {
    let value = variable.value.as_deref().unwrap_or_default();
    let what = match variable.action {
        "binds" => bound.to_owned(),
        "merges" if bound == "matters" => "its words are read with those of the command".to_owned(),
        "merges" => format!("its words are read with those of the command, and it {bound}"),
        "stripped" => "is taken away".to_owned(),
        "first_kept" => "loses all values but its first".to_owned(),
        "set" => format!("is set by gate to `{}`", inert(value)),
        _ => "makes the command unknown".to_owned(),
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
        let mut line = format!("{} of {}", requirement.count, inert(&who));
        if requirement.apart.is_some() {
            line.push_str(", by different people");
        }
        if let Some(later) = &requirement.escalation {
            let after = span::seconds(later.after_seconds);
            let names = later.to.join(", ");
            // Writing to a String can't fail.
            let _ = write!(line, "; after {after} also of {}", inert(&names));
        }
        plain(line)
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
