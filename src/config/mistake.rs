//! Where a mistake in one of gate's own TOML files stands, in which field, and
//! what to write instead. For configuration and for a server's settings alike.

use std::ops::Range;
use std::path::Path;

use gate_protocol::inert::inert;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::failure::{Failure, FailureKind};

/// A file in which a mistake was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faulty<'a> {
    /// Its path, as it is shown.
    pub(crate) path: &'a Path,
    /// What stands in it.
    pub(crate) text: &'a str,
    /// What does not happen until it is mended.
    pub(crate) hint: &'static str,
}

impl Faulty<'_> {
    /// Returns the failure of a file that is not TOML, has a field that does not
    /// exist, or one of another type.
    pub(crate) fn form(&self, error: &toml::de::Error) -> Failure {
        let span = error.span().unwrap_or(0..0);
        let field = DeTable::parse(self.text)
            .map(|document| field_at(document.get_ref(), &span))
            .unwrap_or_default();
        let words = in_our_words(error.message());
        self.told(span.start, &field, &words)
    }

    /// Returns the failure of a value that is wrong, by the byte where it stands.
    pub(crate) fn value(&self, at: usize, field: &str, why: &str) -> Failure {
        self.told(at, field, why)
    }

    /// Returns the failure of a field that is wrong, by its name from the top, as
    /// `tls.key`.
    #[cfg(feature = "server")]
    pub(crate) fn field(&self, field: &str, why: &str) -> Failure {
        let at = DeTable::parse(self.text)
            .ok()
            .and_then(|document| offset_of(document.get_ref(), field));
        self.told(at.unwrap_or(0), field, why)
    }

    fn told(&self, at: usize, field: &str, words: &str) -> Failure {
        let (line, column) = gate_policy::position(self.text, at);
        let shown = inert(&self.path.to_string_lossy()).into_owned();
        let field = match field {
            "" => String::new(),
            field => format!("field `{}`: ", inert(field)),
        };
        let words = inert(words.trim_end()).into_owned();
        Failure::new(
            FailureKind::Configuration,
            format!("{shown}:{line}:{column}: {field}{words}"),
        )
        .hint(self.hint)
    }
}

/// Returns the name of the innermost field in which `span` begins; nothing
/// where it is in none.
fn field_at(table: &DeTable<'_>, span: &Range<usize>) -> String {
    let holds = |other: Range<usize>| other.start <= span.start && span.start < other.end.max(1);
    for (name, value) in table {
        let inner = match value.get_ref() {
            DeValue::Table(below) => field_at(below, span),
            DeValue::Array(items) => field_in(items, span),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => String::new(),
        };
        let word: &str = name.get_ref();
        if !inner.is_empty() {
            return format!("{word}.{inner}");
        }
        if holds(name.span()) || holds(value.span()) {
            return word.to_owned();
        }
    }
    String::new()
}

/// Returns the name of a field in one of the tables of a list.
fn field_in(items: &[Spanned<DeValue<'_>>], span: &Range<usize>) -> String {
    let tables = items.iter().filter_map(|item| item.get_ref().as_table());
    tables
        .map(|table| field_at(table, span))
        .find(|field| !field.is_empty())
        .unwrap_or_default()
}

/// Returns where the name of a field begins, in bytes.
#[cfg(feature = "server")]
fn offset_of(table: &DeTable<'_>, field: &str) -> Option<usize> {
    let (first, below) = match field.split_once('.') {
        Some((first, below)) => (first, Some(below)),
        None => (field, None),
    };
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == first)?;
    match (below, value.get_ref().as_table()) {
        (Some(below), Some(table)) => offset_of(table, below),
        (Some(_), None) | (None, _) => Some(name.span().start),
    }
}

/// Returns what `serde` says about a type as what is wrong and what to write;
/// anything else as it is.
fn in_our_words(message: &str) -> String {
    let message = message.trim_end();
    let Some((found, wanted)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    else {
        return message.to_owned();
    };
    let mend = match wanted {
        "a string" | "path string" | "a borrowed string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "a map" => "a table",
        table if table.starts_with("struct ") => "a table",
        other => other,
    };
    format!("it is {found}; write {mend}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_field_is_named() {
        let text = "one = 1\n[two]\nthree = { four = 'x' }\n[[five]]\nsix = 6\n";
        let document = DeTable::parse(text).unwrap();
        for (word, field) in [
            ("1", "one"),
            ("three", "two.three"),
            ("'x'", "two.three.four"),
            ("6", "five.six"),
        ] {
            let at = text.find(word).unwrap();
            assert_eq!(field_at(document.get_ref(), &(at..at + 1)), field);
        }
    }

    #[test]
    fn a_wrong_type_says_what_to_write() {
        assert_eq!(
            in_our_words("invalid type: integer `7`, expected a string\n"),
            "it is integer `7`; write a text in quotes"
        );
        assert_eq!(in_our_words("duplicate key"), "duplicate key");
    }
}
