//! What this server takes for production: `production = ["cluster prod-*"]`.

use gate_protocol::production::says_production;

use super::SettingsError;

/// The patterns of an operator. Without any, names speak for themselves.
#[derive(Clone, Debug, Default)]
pub struct Production(Vec<Pattern>);

/// One pattern: of one field of a target, or of any.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    field: Option<String>,
    value: String,
}

/// How it is known that a target is production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A word of the name says it.
    ByName,
    /// The operator's pattern says it.
    BySetting(String),
}

impl Production {
    /// Reads patterns: `FIELD GLOB`, or `GLOB` for a value in any field. In a
    /// glob `*` stands for any characters, and everything else for itself.
    pub(super) fn parse(patterns: &[String]) -> Result<Self, SettingsError> {
        let parsed = patterns.iter().map(|text| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (field, value) = match words.as_slice() {
                [value] => (None, *value),
                [field, value] => (Some((*field).to_owned()), *value),
                _ => {
                    return Err(SettingsError::Value {
                        field: "production",
                        why: "must be a list of `GLOB` and `FIELD GLOB`, as `cluster prod-*`",
                    });
                }
            };
            Ok(Pattern {
                text: text.clone(),
                field,
                value: value.to_owned(),
            })
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the patterns as they are written.
    pub(crate) fn patterns(&self) -> Vec<&str> {
        self.0.iter().map(|pattern| pattern.text.as_str()).collect()
    }

    /// Tells whether one field of a target is production, and how that is known.
    pub(crate) fn knows(&self, field: &str, value: &str) -> Option<Known> {
        // A host is the same in any case, and with the dot at its end.
        let plain = value.trim_end_matches('.').to_ascii_lowercase();
        let fits = |pattern: &&Pattern| {
            pattern.field.as_deref().is_none_or(|name| name == field)
                && (matches(&pattern.value, value)
                    || matches(&pattern.value.to_ascii_lowercase(), &plain))
        };
        if let Some(pattern) = self.0.iter().find(fits) {
            return Some(Known::BySetting(pattern.text.clone()));
        }
        says_production(value).then_some(Known::ByName)
    }
}

/// Tells whether `*` in `glob` can stand for something so that it is `text`. The
/// first place at which a part fits is as good as any later one.
fn matches(glob: &str, text: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part).and_then(|at| text.get(at + part.len()..)) {
            Some(after) => text = after,
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production(patterns: &[&str]) -> Production {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Production::parse(&patterns).unwrap()
    }

    #[test]
    fn a_pattern_is_for_its_field_and_a_name_speaks_for_itself() {
        let production = production(&["cluster eu-*-7", "account 1234", "host *.shop.example"]);
        let by = |text: &str| Some(Known::BySetting(text.to_owned()));
        assert_eq!(
            production.knows("cluster", "eu-west-7"),
            by("cluster eu-*-7")
        );
        assert_eq!(production.knows("namespace", "eu-west-7"), None);
        assert_eq!(production.knows("account", "1234"), by("account 1234"));
        assert_eq!(production.knows("account", "12345"), None);
        assert_eq!(production.knows("namespace", "prod"), Some(Known::ByName));
        for host in ["DB.shop.EXAMPLE", "db.shop.example.", "db.Shop.example"] {
            assert_eq!(
                production.knows("host", host),
                by("host *.shop.example"),
                "{host}"
            );
        }
    }

    #[test]
    fn a_star_stands_for_anything_and_all_else_for_itself() {
        for (glob, text, fits) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("*.prod.*", "db.prod.example", true),
            ("a?", "ab", false),
            ("", "", true),
        ] {
            assert_eq!(matches(glob, text), fits, "{glob} {text}");
        }
        assert!(Production::parse(&["a b c".to_owned()]).is_err());
        assert!(Production::parse(&[" ".to_owned()]).is_err());
    }
}
