//! The filters of jq: whether they can print the environment.
//!
//! The environment is the function `env` and the variable `$ENV`. A field `.env`,
//! and a variable `$env` that the command line gives, are other words. Source: the
//! manual of jq 1.7; `src/lexer.l`.

use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::words::Parsed;

/// Reads the filter: the first operand of jq, or what an option `jq` holds.
pub(crate) fn read(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let of_options = parsed.uses.iter().filter(|used| used.name == "jq");
    let of_options = of_options.filter_map(|used| used.value);
    let own = parsed.operands.first().map(|first| first.bytes);
    let own = own.filter(|_| parsed.spec.name == "jq");
    let mut filters = of_options.chain(own);
    if filters.any(names_environment) {
        let reason = "the filter can print every variable of the environment";
        invocation.add(Effect::Secret, reason);
    }
}

/// Tells whether a filter may name the environment. Strings and comments are
/// looked at as the rest is: a string can hold a filter.
fn names_environment(filter: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut at = 0;
    for word in filter.split(|byte| !is_letter(byte)) {
        let before = filter.get(..at).unwrap_or_default();
        if is_environment(word, before) {
            return true;
        }
        at += word.len() + 1;
    }
    false
}

/// Tells whether a word is the environment, by what stands in front of it.
fn is_environment(word: &[u8], before: &[u8]) -> bool {
    // A number can stand right in front of a word, and a dot can end one.
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_field = digits == 0
        && match before {
            [.., ahead, b'.'] => *ahead != b'.' && !ahead.is_ascii_digit(),
            [b'.'] => true,
            _ => false,
        };
    match word.get(digits..) {
        Some(b"env") => !is_field && (digits > 0 || before.last() != Some(&b'$')),
        Some(b"ENV") => !is_field,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::names_environment;

    #[test]
    fn a_filter_that_names_the_environment_is_told() {
        for filter in [
            "env",
            "env.PATH",
            "$ENV",
            "$ENV.PATH",
            ".a|env",
            "\"\\(env)\"",
            "[env]",
            "1|env|.x",
            ". as $x|env",
            "..env",
            "1.env",
            "1env",
            "{env}",
            "$ ENV",
        ] {
            assert!(names_environment(filter.as_bytes()), "{filter}");
        }
    }

    #[test]
    fn fields_and_variables_of_that_name_are_others() {
        for filter in [
            ".env",
            ".environment.name",
            ".environments[]",
            ".spec.containers[].env",
            ".[0].env[]|.name",
            ".a?.env",
            "select(.env==$env)",
            ".ENV",
            ".items[]|select(.environment == \"prod\")",
        ] {
            assert!(!names_environment(filter.as_bytes()), "{filter}");
        }
    }
}
