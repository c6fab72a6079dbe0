//! Columns that can hold a credential in relations of which the rest is only
//! asked for.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Ident, ObjectName, Select, SelectItem, TableFactor};

/// A relation and its column: the settings of a role, and what another session
/// runs, with the values in it.
const SECRET_COLUMNS: &[(&str, &str)] = &[
    ("pg_roles", "rolconfig"),
    ("pg_stat_activity", "query"),
    ("pg_user", "useconfig"),
];

/// What one statement names.
#[derive(Default)]
pub(super) struct Columns {
    relations: BTreeSet<String>,
    /// The names under which whole rows of relations can be asked for.
    rows: BTreeSet<String>,
    named: BTreeSet<String>,
    /// Names that stand alone: columns or whole rows.
    alone: BTreeSet<String>,
    /// Whether columns are asked for without their names.
    has_unnamed: bool,
}

impl Columns {
    pub(super) fn relation(&mut self, name: &ObjectName) {
        if let Some(last) = name.0.last().and_then(|part| part.as_ident()) {
            self.relations.insert(folded(last));
            self.rows.insert(folded(last));
        }
    }

    /// An alias with columns gives them other names.
    pub(super) fn source(&mut self, factor: &TableFactor) {
        if let TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::NestedJoin {
            alias: Some(alias), ..
        } = factor
        {
            self.rows.insert(folded(&alias.name));
            self.has_unnamed |= !alias.columns.is_empty();
        }
    }

    pub(super) fn select(&mut self, select: &Select) {
        self.has_unnamed |= select.projection.iter().any(|item| {
            matches!(
                item,
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
            )
        });
    }

    pub(super) fn ident(&mut self, ident: &Ident) {
        self.named.insert(folded(ident));
    }

    pub(super) fn expr(&mut self, expr: &Expr) {
        if let Expr::Identifier(ident) = expr {
            self.alone.insert(folded(ident));
        }
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(last) = parts.last()
        {
            self.alone.insert(folded(last));
        }
        self.has_unnamed |= matches!(expr, Expr::QualifiedWildcard(..));
    }

    /// Returns the first relation and column that are shown.
    pub(super) fn secret(&self) -> Option<(&'static str, &'static str)> {
        let mut columns = SECRET_COLUMNS.iter().copied();
        let shows_rows = self.has_unnamed || !self.rows.is_disjoint(&self.alone);
        columns.find(|(relation, column)| {
            self.relations.contains(*relation) && (shows_rows || self.named.contains(*column))
        })
    }
}

fn folded(ident: &Ident) -> String {
    ident.value.to_ascii_lowercase()
}
