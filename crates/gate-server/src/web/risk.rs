//! What is approved by typing something, not by a button alone: what destroys,
//! opens access, reveals secrets, runs arbitrary code, is not understood, touches
//! production, or takes an input that nobody sees.

use gate_policy::Effect;

use super::question::Target;
use super::shown::Shown;
use crate::service::line::Effects;
use crate::service::submission;
use crate::settings::Production;
use crate::store::requests::Request;

/// How much of the digest is typed, in characters.
const DIGEST_PREFIX: usize = 6;

/// How much there is to lose.
pub(super) struct Risk {
    reasons: Vec<&'static str>,
    /// How the digest begins.
    pub(super) prefix: String,
    /// The values of the target, each of which can be typed instead.
    names: Vec<String>,
    /// The one that is offered.
    offered: Option<String>,
}

impl Risk {
    pub(super) fn of(request: &Request, production: &Production) -> Self {
        let target = &request.invocation.target;
        let is_production =
            |(field, value): (&String, &String)| production.knows(field, value).is_some();
        let mut reasons = Vec::new();
        let effects = Effects::of(&request.invocation);
        let found = Effect::ALL.iter().filter(|effect| effects.has(**effect));
        reasons.extend(found.filter_map(|effect| of_effect(*effect)));
        if !effects.is_known {
            reasons.push("Its requester's word for what this does is none that gate has.");
        }
        let inputs = &request.invocation.inputs;
        if inputs.iter().any(submission::is_unseen) {
            reasons.push(
                "What an input says is not shown, or is only its requester's word: nothing here \
                 holds it against the hash of what will run.",
            );
        }
        if target.iter().any(is_production) {
            reasons.push("This is production.");
        }
        let names: Vec<String> = target
            .values()
            .filter(|value| value.chars().count() >= 3)
            .cloned()
            .collect();
        let main = target.iter().find(|pair| is_production(*pair));
        let offered = main.map(|(_, value)| value.clone());
        Self {
            reasons,
            prefix: request
                .state
                .digest
                .to_string()
                .chars()
                .take(DIGEST_PREFIX)
                .collect(),
            offered: offered
                .filter(|name| names.contains(name))
                .or_else(|| names.first().cloned()),
            names,
        }
    }

    pub(super) fn is_high(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Says why something is to be typed.
    pub(super) fn why(&self) -> String {
        self.reasons.join(" ")
    }

    /// Returns the name that can be typed instead. One that is not plain is not
    /// offered: nobody should have to type an escape.
    pub(super) fn name(&self) -> Option<Shown> {
        let is_plain =
            |name: &&String| name.len() <= 80 && name.bytes().all(|byte| byte.is_ascii_graphic());
        let offered = self.offered.as_ref().filter(is_plain);
        offered.map(|name| Shown::of(name))
    }

    /// Tells whether what was typed is what was asked for.
    pub(super) fn is_met_by(&self, typed: &str) -> bool {
        let typed = typed.trim();
        !self.is_high()
            || typed.eq_ignore_ascii_case(&self.prefix)
            || self.names.iter().any(|name| name == typed)
    }
}

/// Returns why an effect is approved by typing.
fn of_effect(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::Read | Effect::Local | Effect::Write => None,
        Effect::Destroy => Some("What this destroys can't be brought back by gate."),
        Effect::Access => Some("This changes who may do what."),
        Effect::Secret => Some("This reveals secrets or bulk data."),
        Effect::Execute => Some("This runs arbitrary code."),
        Effect::Unknown => Some("gate does not know what this does."),
    }
}

/// Says of each field that is production how that is known.
pub(super) fn production_notes(target: &[Target]) -> Vec<String> {
    use crate::settings::Known;
    let mut notes: Vec<String> = target
        .iter()
        .filter_map(|field| field.production.as_ref())
        .map(|known| match known {
            Known::ByName => "production, as its name says".to_owned(),
            Known::BySetting(pattern) => {
                format!("production, as this server's setting `{pattern}` says")
            }
        })
        .collect();
    notes.sort();
    notes.dedup();
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gate_knows_to_be_mild_is_approved_by_the_button_and_nothing_else() {
        let mild: Vec<_> = Effect::ALL
            .iter()
            .filter(|effect| of_effect(**effect).is_none())
            .collect();
        assert_eq!(mild, [&Effect::Read, &Effect::Local, &Effect::Write]);
    }
}
