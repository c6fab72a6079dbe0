//! One rule as bytes, with what decides whether it matches and what it says.

use super::super::decision::{Decision, Layer, Recording};
use super::super::evaluation::{MatchedRule, Requirement};
use super::super::rule::{CallerMatch, FlagMatch, Rule};
use crate::effect::{Effect, EffectSet};
use crate::encoding::{Decoder, Encoder};

/// Tells whether a rule depends on no more than the command: neither on who asks nor on when, and
/// nothing of how the tool is run follows from it.
fn is_of_the_command_alone(rule: &Rule) -> bool {
    rule.caller.is_about_all()
        && rule.window.is_none()
        && rule.condition.is_none()
        && rule.session.is_none()
}

pub(super) fn put(to: &mut Encoder, rule: &Rule) {
    let is_compiled = is_of_the_command_alone(rule);
    to.truth(is_compiled);
    if !is_compiled {
        return;
    }
    to.text(&rule.place.id);
    to.byte(layer_number(rule.place.layer));
    to.text(&*rule.place.source);
    to.long(rule.place.line as u64);
    put_texts(to, &rule.tools);
    to.list(&rule.commands, |to, path| put_texts(to, path));
    to.list(Effect::ALL, |to, effect| {
        to.truth(rule.effects.contains(effect));
    });
    to.list(&rule.flags, |to, (name, wanted)| put_flag(to, name, wanted));
    put_texts(to, &rule.operands);
    to.list(&rule.target, |to, (field, values)| {
        to.text(field);
        put_texts(to, values);
    });
    put_texts(to, &rule.cwd);
    to.truth(rule.is_everything);
    to.byte(match rule.decision {
        Decision::Allow => 0,
        Decision::RequireApproval => 1,
        Decision::Deny => 2,
    });
    to.byte(match rule.record {
        None => 0,
        Some(Recording::None) => 1,
        Some(Recording::Decision) => 2,
        Some(Recording::Outcome) => 3,
    });
}

/// Takes a rule; `None` inside where it is one that is not compiled.
///
/// What it wants of people who are asked is not there: whoever reads a compiled policy asks nobody.
#[expect(
    clippy::option_option,
    reason = "damaged, not compiled, and a rule are three answers"
)]
pub(super) fn take(from: &mut Decoder<'_>) -> Option<Option<Rule>> {
    if !from.truth()? {
        return Some(None);
    }
    let place = MatchedRule {
        id: from.text()?.to_owned(),
        layer: layer(from.byte()?)?,
        source: from.text()?.to_owned().into(),
        line: usize::try_from(from.long()?).ok()?,
    };
    let tools = take_texts(from)?;
    let commands = from.list(take_texts)?;
    let mut effects = EffectSet::default();
    let wanted = from.list(Decoder::truth)?;
    if wanted.len() != Effect::ALL.len() {
        return None;
    }
    for (effect, _) in Effect::ALL.into_iter().zip(wanted).filter(|(_, is)| *is) {
        effects.insert(effect);
    }
    Some(Some(Rule {
        place,
        tools,
        commands,
        effects,
        flags: from.list(take_flag)?,
        operands: take_texts(from)?,
        target: from.list(|from| Some((from.text()?.to_owned(), take_texts(from)?)))?,
        cwd: take_texts(from)?,
        is_everything: from.truth()?,
        decision: match from.byte()? {
            0 => Decision::Allow,
            1 => Decision::RequireApproval,
            2 => Decision::Deny,
            _ => return None,
        },
        record: match from.byte()? {
            0 => None,
            1 => Some(Recording::None),
            2 => Some(Recording::Decision),
            3 => Some(Recording::Outcome),
            _ => return None,
        },
        caller: CallerMatch::default(),
        window: None,
        condition: None,
        message: None,
        reason_required: false,
        requirements: vec![Requirement::of_anyone()],
        request_ttl: None,
        permit_ttl: None,
        remind_every: None,
        session: None,
    }))
}

const LAYERS: [Layer; 5] = [
    Layer::Baseline,
    Layer::Server,
    Layer::Machine,
    Layer::User,
    Layer::Project,
];

fn layer_number(layer: Layer) -> u8 {
    match layer {
        Layer::Baseline => 0,
        Layer::Server => 1,
        Layer::Machine => 2,
        Layer::User => 3,
        Layer::Project => 4,
    }
}

fn layer(number: u8) -> Option<Layer> {
    LAYERS.get(usize::from(number)).copied()
}

fn put_texts(to: &mut Encoder, texts: &[String]) {
    to.list(texts, Encoder::text);
}

fn take_texts(from: &mut Decoder<'_>) -> Option<Vec<String>> {
    from.list(|from| from.text().map(str::to_owned))
}

fn put_flag(to: &mut Encoder, name: &str, wanted: &FlagMatch) {
    to.text(name);
    match wanted {
        FlagMatch::Given => to.byte(0),
        FlagMatch::Absent => to.byte(1),
        FlagMatch::Value(pattern) => {
            to.byte(2);
            to.text(pattern);
        }
    }
}

fn take_flag(from: &mut Decoder<'_>) -> Option<(String, FlagMatch)> {
    let name = from.text()?.to_owned();
    let wanted = match from.byte()? {
        0 => FlagMatch::Given,
        1 => FlagMatch::Absent,
        2 => FlagMatch::Value(from.text()?.to_owned()),
        _ => return None,
    };
    Some((name, wanted))
}
