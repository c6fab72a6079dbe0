//! What is typed to approve what has weight, and what that can be.

use super::question::Target;
use super::shown::Shown;
use crate::service::weight;
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
        let reasons = weight(request, production);
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
