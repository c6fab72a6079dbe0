//! What SQL statements do, by the tree that `PostgreSQL`'s own grammar makes of
//! them.
//!
//! A statement is a read when every node of its tree is on a list of nodes that
//! only read, and every function, type and operator on a list of those that the
//! catalogue of `PostgreSQL` knows to be pure. That is as much as text can show:
//! a view, an operator or a function of the search path can still be the
//! database owner's own code, which is why a role without write grants is the
//! better guard.

mod columns;
mod commands;
mod kinds;
mod known;
mod names;
mod server;
mod session;
mod special;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::grammar::{Node, Tree, parse};
use crate::effect::Effect;
use columns::Columns;
use kinds::{Kind, kind_of, node, number_of};
pub(super) use known::is_secret_setting;
pub(super) use session::{Reach, Session};

/// What a text was found to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) effect: Effect,
    /// Why.
    pub(super) reason: String,
    /// Whether it is `unknown` for nothing but code of the database, which can
    /// change nothing in a transaction that may only read.
    pub(super) is_code: bool,
}

impl Found {
    fn new(effect: Effect, reason: impl Into<String>) -> Self {
        Self {
            effect,
            reason: reason.into(),
            is_code: false,
        }
    }
}

/// Judges all statements of a text.
pub(super) fn judge(text: &str, session: &mut Session) -> Vec<Found> {
    let judged = parse(text, |tree| judge_tree(text, tree, session));
    judged.unwrap_or_else(|problem| {
        session.reaches(Reach::Server);
        let reason = format!(
            "the SQL is not understood: {}",
            place_of(text, problem.start as usize)
        );
        let mut found = vec![Found::new(Effect::Unknown, reason)];
        if !problem.what.is_empty() {
            found.push(Found::new(Effect::Unknown, problem.what));
        }
        found
    })
}

fn judge_tree(text: &str, tree: &Tree, session: &mut Session) -> Vec<Found> {
    let mut judge = Judge {
        text,
        tree,
        session,
        found: Vec::new(),
        has_secret_columns: false,
        muted: Muted::default(),
    };
    for (place, node) in tree.nodes.iter().enumerate() {
        if number_of(node.rule) == node::toplevel_stmt {
            judge.statement(place);
        }
    }
    judge.session.text_ends();
    judge.found
}

/// Says where a text stops being SQL. What stands there could be a password.
fn place_of(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    format!("line {line} column {column}")
}

/// Nodes below one that was looked at already, for which something does not
/// count. A node stands behind all that are below it.
#[derive(Debug, Default)]
struct Muted {
    /// What is only planned.
    statements: Range<usize>,
    /// What only declares a type.
    types: Range<usize>,
    /// What is called by `CALL`, which says so itself.
    call: Option<usize>,
}

struct Judge<'t> {
    text: &'t str,
    tree: &'t Tree,
    session: &'t mut Session,
    found: Vec<Found>,
    /// Whether a relation that has secret columns stands in the statement.
    has_secret_columns: bool,
    muted: Muted,
}

impl Judge<'_> {
    fn add(&mut self, effect: Effect, reason: impl Into<String>) {
        self.note(Found::new(effect, reason));
    }

    /// Adds that code of the database would run.
    fn add_code(&mut self, reason: impl Into<String>) {
        self.session.code_runs();
        self.note(Found {
            is_code: true,
            ..Found::new(Effect::Unknown, reason)
        });
    }

    fn note(&mut self, found: Found) {
        if !self.found.iter().any(|known| known.reason == found.reason) {
            self.found.push(found);
        }
    }

    /// Judges one statement. What stands above decides for what stands below,
    /// so that the nodes are taken from the last.
    fn statement(&mut self, place: usize) {
        let Some(top) = self.node(place) else { return };
        if self.tokens(top).is_empty() {
            // What stands behind the last `;`.
            return;
        }
        self.session.statement_begins(self.is_bound(place));
        if self.leaves_database(top) {
            self.session.reaches(Reach::Server);
        }
        for place in (top.first as usize..=place).rev() {
            let Some(node) = self.node(place) else { break };
            match kind_of(node.rule) {
                Kind::Part => {}
                Kind::Unlisted => self.add(
                    Effect::Unknown,
                    "the SQL holds a clause that gate does not know",
                ),
                Kind::Statement(effect, what) => self.effect(place, effect, what),
                Kind::Special(number) => self.special(number, place, node),
            }
        }
        if std::mem::take(&mut self.has_secret_columns) {
            self.secret_columns(top, place);
        }
        self.session.statement_ends();
    }

    /// Looks at the columns of a statement in which a relation stands that has secret ones.
    fn secret_columns(&mut self, top: Node, place: usize) {
        let mut columns = Columns::default();
        for place in top.first as usize..=place {
            let Some(node) = self.node(place) else { break };
            if let Kind::Special(number) = kind_of(node.rule) {
                self.note_columns(number, node, &mut columns);
            }
        }
        if let Some((relation, column)) = columns.secret(|word| self.names(top, word)) {
            let reason = format!("`{column}` of `{relation}` can hold a credential");
            self.add(Effect::Secret, reason);
        }
    }

    /// Tells whether a statement is nothing but a bound of a transaction: the grammar has them as
    /// a statement alone, right below the whole or one node deeper.
    fn is_bound(&self, place: usize) -> bool {
        let is_one = |place: usize| {
            self.node(place).is_some_and(|node| {
                let bounds = [node::TransactionStmt, node::TransactionStmtLegacy];
                bounds.contains(&number_of(node.rule))
            })
        };
        let mut below = self.tree.children(place);
        below.any(|place| is_one(place) || self.tree.children(place).any(is_one))
    }

    fn node(&self, place: usize) -> Option<Node> {
        self.tree.nodes.get(place).copied()
    }

    /// Adds what a statement does, unless it is only planned.
    fn effect(&mut self, place: usize, effect: Effect, what: &str) {
        let effect = if self.muted.statements.contains(&place) {
            Effect::Read
        } else {
            effect
        };
        self.add(effect, ["the SQL holds ", what].concat());
    }
}
