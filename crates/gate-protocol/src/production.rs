//! What names say of themselves, and a server of them.

use crate::request::ApprovalRequest;

/// Tells whether a name says that it is of production: one of its words is
/// `prod`, `production`, `prd` or `live`, with or without a number. A hint for
/// the eye; no rule depends on it.
#[must_use]
pub fn says_production(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| {
            let word = word
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_ascii_lowercase();
            matches!(word.as_str(), "prod" | "production" | "prd" | "live")
        })
}

impl ApprovalRequest {
    /// Tells whether a field of the target is production: the server says so, or its value does.
    /// A server of an older version says nothing of it.
    #[must_use]
    pub fn is_production(&self, field: &str, value: &str) -> bool {
        self.production.iter().any(|known| known == field) || says_production(value)
    }

    /// Tells whether any field of the target is production.
    #[must_use]
    pub fn touches_production(&self) -> bool {
        let mut target = self.invocation.target.iter();
        target.any(|(field, value)| self.is_production(field, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_production_by_a_whole_word() {
        for name in [
            "prod",
            "eu-PROD-2",
            "prod1",
            "live.db",
            "a/production",
            "role/prd_admin",
        ] {
            assert!(says_production(name), "{name}");
        }
        for name in ["", "product", "olive", "staging", "reproduce", "alive"] {
            assert!(!says_production(name), "{name}");
        }
    }
}
