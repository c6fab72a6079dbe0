//! Reads the fields of one table of a rule file. Each mistake is reported and
//! the reading goes on, so that one run shows all of them.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Report, near_miss};

/// The fields of one table.
pub(super) struct Fields<'f, 't, 'i> {
    pub(super) report: &'f mut Report<'t>,
    table: &'f DeTable<'i>,
    /// Where the table starts.
    pub(super) offset: usize,
    /// The table's own name with a dot behind, or nothing.
    prefix: &'static str,
}

/// A value with the byte where it starts.
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

impl<'f, 't, 'i> Fields<'f, 't, 'i> {
    /// Takes a table and reports each field that it must not have.
    pub(super) fn new(
        report: &'f mut Report<'t>,
        table: Spanned<&'f DeTable<'i>>,
        prefix: &'static str,
        known: &[&'static str],
    ) -> Self {
        let mut fields = Self {
            report,
            offset: table.span().start,
            table: table.into_inner(),
            prefix,
        };
        for (name, _) in fields.table {
            let word: &str = name.get_ref();
            if !known.contains(&word) {
                let mend = near_miss(word, known.iter().copied()).map_or_else(
                    || format!("write one of {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let at = name.span().start;
                fields.error(at, word, "is no field that gate knows", mend);
            }
        }
        fields
    }

    pub(super) fn error(
        &mut self,
        offset: usize,
        field: &str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let field = format!("{}{}", self.prefix, shown(field));
        self.report.error(offset, &field, problem, mend);
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.table.get(field).is_some()
    }

    pub(super) fn get(&self, field: &str) -> Option<&'f Spanned<DeValue<'i>>> {
        self.table.get(field)
    }

    fn wrong_type(&mut self, field: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let problem = format!("is of type {}", value.get_ref().type_str());
        self.error(
            value.span().start,
            field,
            problem,
            format!("write {wanted}"),
        );
    }

    /// Reads a text.
    pub(super) fn text(&mut self, field: &str) -> Option<Placed<&'f str>> {
        let value = self.get(field)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(field, value, "a text in quotes");
        }
        text.map(|text| Placed {
            value: text,
            offset: value.span().start,
        })
    }

    /// Reads `true` or `false`.
    pub(super) fn truth(&mut self, field: &str) -> Option<bool> {
        let value = self.get(field)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong_type(field, value, "true or false");
        }
        truth
    }

    /// Reads a whole number between two bounds.
    pub(super) fn number(&mut self, field: &str, bounds: (u16, u16)) -> Option<u16> {
        let value = self.get(field)?;
        let number = value
            .get_ref()
            .as_integer()
            .filter(|number| number.radix() == 10)
            .and_then(|number| number.as_str().parse::<u16>().ok())
            .filter(|number| (bounds.0..=bounds.1).contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", bounds.0, bounds.1);
            if value.get_ref().as_integer().is_some() {
                let mend = format!("write {wanted}");
                self.error(value.span().start, field, "is out of range", mend);
            } else {
                self.wrong_type(field, value, &wanted);
            }
        }
        number
    }

    /// Reads a text or a list of texts.
    pub(super) fn texts(&mut self, field: &str) -> Option<Vec<Placed<&'f str>>> {
        let value = self.get(field)?;
        Some(self.texts_of(field, value))
    }

    /// Reads a value that is a text or a list of texts.
    pub(super) fn texts_of(
        &mut self,
        field: &str,
        value: &'f Spanned<DeValue<'i>>,
    ) -> Vec<Placed<&'f str>> {
        let offset = value.span().start;
        if let Some(text) = value.get_ref().as_str() {
            return vec![Placed {
                value: text,
                offset,
            }];
        }
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(field, value, "a text or a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed {
                    value: text,
                    offset: item.span().start,
                }),
                None => self.wrong_type(field, item, "a text in quotes"),
            }
        }
        if list.is_empty() {
            self.error(
                offset,
                field,
                "is an empty list",
                "leave the field out or name something",
            );
        }
        texts
    }

    /// Reads one of several words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        field: &str,
        kind: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(field)?;
        self.word(field, kind, &text, words)
    }

    /// Finds a text among several words.
    pub(super) fn word<T: Copy>(
        &mut self,
        field: &str,
        kind: &str,
        text: &Placed<&str>,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let problem = format!("`{}` is not {kind}", shown(text.value));
        self.error(
            text.offset,
            field,
            problem,
            format!("write {}", listed(&names)),
        );
        None
    }

    /// Reads a table.
    pub(super) fn table(&mut self, field: &str) -> Option<Spanned<&'f DeTable<'i>>> {
        let value = self.get(field)?;
        let table = value.get_ref().as_table();
        match table {
            None => self.wrong_type(field, value, "a table"),
            Some(table) if table.is_empty() => {
                let mend = "leave the field out or write something in it";
                self.error(value.span().start, field, "is an empty table", mend);
            }
            Some(_) => {}
        }
        table.map(|table| Spanned::new(value.span(), table))
    }
}

/// Returns user input for a message, with what can't be printed escaped.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().count() > 80 {
        shown.push('…');
    }
    shown
}

/// Joins words as `a, b or c`.
fn listed(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
