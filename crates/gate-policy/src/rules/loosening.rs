//! What rules do that their author should be told of: an allow that loosens, and one that can't.

use super::decision::Decision;
use super::policy::PolicyBuilder;
use super::rule::Rule;
use crate::effect::{Effect, EffectSet};

/// What the baseline lets pass.
const PASSING: [Effect; 2] = [Effect::Read, Effect::Local];

impl PolicyBuilder {
    /// Returns what is doubtful in the text of rules; of each rule that allows more than the
    /// baseline does that it does so; and of each that never can because another one is about all
    /// that it is about. A rule that is in neither of the last two makes no decision milder.
    pub fn notes(&self) -> Vec<String> {
        let notes = self.allowing().filter_map(|rule| {
            let place = &rule.place;
            let says = |what: String| {
                format!(
                    "{}:{}: rule `{}` {what}",
                    place.source, place.line, place.id
                )
            };
            if let Some(other) = self.shadow_of(rule) {
                let line = other.place.line;
                return Some(says(format!(
                    "allows nothing: {} in line {line} is about all that it is about",
                    other.place.named()
                )));
            }
            let beyond = rule.beyond_baseline()?;
            Some(says(format!(
                "allows what the baseline asks about: {beyond}"
            )))
        });
        self.doubts.iter().cloned().chain(notes).collect()
    }

    /// Returns the id of each rule of the owner that allows what the baseline asks about, with what
    /// that is. A rule that is not among them makes no decision milder where it is added.
    pub fn beyond_baseline(&self) -> Vec<(&str, String)> {
        let beyond = self
            .allowing()
            .filter(|rule| self.shadow_of(rule).is_none());
        beyond
            .filter_map(|rule| Some((rule.place.id.as_str(), rule.beyond_baseline()?)))
            .collect()
    }

    fn owners(&self) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(|rule| !rule.place.layer.only_tightens())
    }

    fn allowing(&self) -> impl Iterator<Item = &Rule> {
        self.owners()
            .filter(|rule| rule.decision == Decision::Allow)
    }

    /// Returns the rule because of which one that allows never does.
    fn shadow_of(&self, rule: &Rule) -> Option<&Rule> {
        let mut tightening = self
            .owners()
            .filter(|other| other.decision > Decision::Allow);
        tightening.find(|other| other.is_about_all_of(rule))
    }
}

impl Rule {
    /// Returns the effects that it allows and the baseline asks about, as words.
    fn beyond_baseline(&self) -> Option<String> {
        if self.is_everything {
            return Some("everything, what is not understood too".to_owned());
        }
        if self.effects.is_empty() {
            return Some("every effect that is understood".to_owned());
        }
        let mut beyond: Vec<&str> = self
            .effects
            .iter()
            .filter(|effect| !PASSING.contains(effect))
            .map(Effect::as_str)
            .collect();
        if self.session.is_some() {
            beyond.push("functions that gate does not know, held to reading");
        }
        (!beyond.is_empty()).then(|| beyond.join(", "))
    }

    /// Tells whether this rule, which tightens, matches whenever `other`, which allows, does. Only
    /// what is written the same way counts: a pattern is not held against another one.
    fn is_about_all_of(&self, other: &Self) -> bool {
        if self.is_everything {
            return true;
        }
        !other.is_everything
            && covers(&self.tools, &other.tools)
            && covers(&self.commands, &other.commands)
            && self.has_an_effect_of(other)
            && self.operands.is_empty()
            && covered(&self.flags, &other.flags)
            && self.target.iter().all(|(field, globs)| {
                let mut fields = other.target.iter();
                fields.any(|(name, wanted)| name == field && covers(globs, wanted))
            })
            && self.caller.is_about_all()
            && self.cwd.is_empty()
            && self.window.is_none()
            && self.condition.is_none()
    }

    /// A rule that allows without naming effects lets each one pass that is understood.
    fn has_an_effect_of(&self, other: &Self) -> bool {
        let allowed = if other.effects.is_empty() {
            let all = Effect::ALL.into_iter().map(EffectSet::of);
            all.fold(EffectSet::default(), EffectSet::union)
        } else {
            other.effects
        };
        self.effects.is_empty() || allowed.is_subset(self.effects)
    }
}

/// Tells whether a list of alternatives, where none stands for all, has each one of another.
fn covers<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && covered(narrow, wide))
}

fn covered<T: PartialEq>(few: &[T], many: &[T]) -> bool {
    few.iter().all(|one| many.contains(one))
}
