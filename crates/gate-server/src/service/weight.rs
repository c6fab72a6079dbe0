//! What is approved by typing something, not by a button or a `y` alone: what destroys,
//! opens access, reveals secrets, runs arbitrary code, is not understood, touches
//! production, or takes an input that nobody sees.

use gate_policy::Effect;

use super::line::Effects;
use super::submission;
use crate::settings::Production;
use crate::store::requests::Request;

/// Returns why a request is approved by typing, each as a sentence; nothing where it is not.
/// A long line takes long to read.
pub(crate) fn weight(request: &Request, production: &Production) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    let effects = Effects::of(&request.invocation);
    let found = Effect::ALL.iter().filter(|effect| effects.has(**effect));
    reasons.extend(found.filter_map(|effect| of_effect(*effect)));
    if !effects.is_known {
        reasons.push("Its requester's word for what this does is none that gate has.");
    }
    if request.invocation.inputs.iter().any(submission::is_unseen) {
        reasons.push(
            "What an input says is not shown, or is only its requester's word: nothing here \
             holds it against the hash of what will run.",
        );
    }
    let mut target = request.invocation.target.iter();
    if target.any(|(field, value)| production.knows(field, value).is_some()) {
        reasons.push("This is production.");
    }
    reasons
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
