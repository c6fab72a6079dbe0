//! What names say of themselves.

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
