//! Columns that can hold a credential in relations of which the rest is only
//! asked for.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// A relation and its column: the settings of a role, and what another session
/// runs, with the values in it.
const SECRET_COLUMNS: &[(&str, &str)] = &[
    ("pg_roles", "rolconfig"),
    ("pg_stat_activity", "query"),
    ("pg_user", "useconfig"),
];

/// Tells whether a relation has columns of which the rest is only asked for.
pub(super) fn has_secret_columns(relation: &str) -> bool {
    SECRET_COLUMNS.iter().any(|(known, _)| *known == relation)
}

/// What one statement names.
#[derive(Default)]
pub(super) struct Columns<'t> {
    relations: Vec<Cow<'t, str>>,
    /// The names under which whole rows of relations can be asked for.
    rows: Vec<Cow<'t, str>>,
    /// Names that stand alone: columns or whole rows.
    alone: Vec<Cow<'t, str>>,
    /// Whether columns are asked for without their names.
    has_unnamed: bool,
}

impl<'t> Columns<'t> {
    pub(super) fn relation(&mut self, name: Cow<'t, str>) {
        self.rows.push(name.clone());
        self.relations.push(name);
    }

    /// A second name of a relation, under which its columns may have others.
    pub(super) fn alias(&mut self, name: Cow<'t, str>, has_columns: bool) {
        self.rows.push(name);
        self.has_unnamed |= has_columns;
    }

    pub(super) fn alone(&mut self, name: Cow<'t, str>) {
        self.alone.push(name);
    }

    pub(super) fn unnamed(&mut self) {
        self.has_unnamed = true;
    }

    /// Returns the first relation and column that are shown.
    pub(super) fn secret(
        &self,
        names: impl Fn(&str) -> bool,
    ) -> Option<(&'static str, &'static str)> {
        let is_asked = |relation: &str| self.relations.iter().any(|known| known == relation);
        let mut columns = SECRET_COLUMNS.iter().copied();
        columns.find(|(relation, column)| {
            is_asked(relation) && (self.has_unnamed || self.shows_rows() || names(column))
        })
    }

    /// Tells whether whole rows are asked for by a name.
    fn shows_rows(&self) -> bool {
        let rows: BTreeSet<&str> = self.rows.iter().map(AsRef::as_ref).collect();
        self.alone.iter().any(|name| rows.contains(&**name))
    }
}
