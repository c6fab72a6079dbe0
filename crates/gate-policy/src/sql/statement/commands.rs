//! The statements of which the name alone does not say what they do.

use super::Judge;
use super::kinds::node;
use super::known::{is_harmless_setting, is_secret_setting};
use super::session::Reach;
use crate::effect::Effect;
use crate::sql::grammar::{Node, Token, token};

const CODE: &str = "code that the server runs";
const PERMISSIONS: &str = "a change of permissions";

impl Judge<'_> {
    pub(super) fn command(&mut self, number: u8, place: usize, node: Node) {
        match number {
            node::ExplainStmt => self.explain(place, node),
            node::CallStmt => {
                self.muted.call = place.checked_sub(1);
                self.effect(place, Effect::Execute, CODE);
            }
            node::DoStmt => {
                self.effect(place, Effect::Execute, CODE);
                self.add(Effect::Unknown, "the body of a `DO` is not read");
            }
            node::CopyStmt => self.copy(place, node),
            node::PrepareStmt => self.prepare(place, node),
            node::ExecuteStmt => self.execute(place, node),
            node::TransactionStmt | node::TransactionStmtLegacy => self.transaction(place, node),
            node::VariableSetStmt => self.set(place, node),
            node::VariableResetStmt => self.reset(place, node),
            node::VariableShowStmt => self.show(place, node),
            node::DefineStmt => self.define(place, node),
            node::alter_table_cmd => self.alter_table(place, node),
            node::object_type_name_on_any_name => {
                if self.starts(node, &[token::POLICY]) {
                    self.effect(place, Effect::Access, PERMISSIONS);
                }
            }
            _ => self.add(Effect::Unknown, "a statement is not understood"),
        }
    }

    /// Without `ANALYZE` a statement is planned and not run.
    fn explain(&mut self, place: usize, node: Node) {
        self.effect(place, Effect::Read, "an `EXPLAIN`");
        let Some(explained) = place.checked_sub(1) else {
            return;
        };
        let Some(below) = self.node(explained) else {
            return;
        };
        let options = (below.tokens.0 - node.tokens.0) as usize;
        let options = self.tokens(node).get(..options).unwrap_or_default();
        let is_run = options.iter().any(|token| {
            // The name of an option can stand in quotes.
            token.kind == token::ANALYZE
                || self
                    .name(*token)
                    .is_none_or(|name| name.starts_with("analy"))
        });
        if !is_run {
            self.muted.statements = below.first as usize..explained;
        }
    }

    fn copy(&mut self, place: usize, node: Node) {
        let top: Vec<Node> = self
            .tree
            .children(place)
            .filter_map(|child| self.node(child))
            .collect();
        let has = |kind: u16| {
            top.iter()
                .any(|part| matches!(self.tokens(*part), [only] if only.kind == kind))
        };
        let is_out = has(token::TO) || self.starts_with_bracket(node);
        let (effect, what) = if has(token::PROGRAM) {
            (Effect::Execute, "a `COPY` with a program")
        } else if has(token::STDIN) && !is_out {
            (Effect::Write, "a `COPY` into a table")
        } else if has(token::STDIN) || has(token::STDOUT) {
            // The server takes either word for either side.
            (
                if is_out {
                    Effect::Secret
                } else {
                    Effect::Write
                },
                "a `COPY` of bulk data",
            )
        } else {
            (Effect::Write, "a `COPY` with a file of the server")
        };
        let copies_file = !has(token::STDIN) && !has(token::STDOUT);
        self.session.takes_rows |= has(token::STDIN) && !is_out;
        if copies_file {
            self.session.reaches(Reach::File);
        }
        self.effect(place, effect, what);
    }

    fn starts_with_bracket(&self, node: Node) -> bool {
        self.tokens(node)
            .get(1)
            .is_some_and(|second| self.is_sign(*second, "("))
    }

    fn prepare(&mut self, place: usize, node: Node) {
        self.effect(place, Effect::Read, "a query behind a name");
        let name = self.tokens(node).get(1).and_then(|name| self.name(*name));
        if let Some(name) = name {
            self.session.prepared.insert(name.into_owned());
        }
    }

    /// What it runs was judged where it was prepared.
    fn execute(&mut self, place: usize, node: Node) {
        if self.starts(node, &[token::CREATE]) {
            self.effect(place, Effect::Write, "a statement that changes");
        }
        let tokens = self.tokens(node).iter();
        let name = tokens
            .skip_while(|token| token.kind != token::EXECUTE)
            .nth(1);
        let name = name.and_then(|name| self.name(*name));
        if name.is_some_and(|name| self.session.prepared.contains(&*name)) {
            self.effect(place, Effect::Read, "a query behind a name");
        } else {
            self.add(
                Effect::Unknown,
                "the SQL runs a statement that it did not prepare",
            );
        }
    }

    fn transaction(&mut self, place: usize, node: Node) {
        self.may_write(self.tokens(node));
        if self.has(node, token::PREPARED) || self.starts(node, &[token::PREPARE]) {
            self.effect(
                place,
                Effect::Write,
                "the end of a transaction of two phases",
            );
        } else {
            self.effect(place, Effect::Read, "the bounds of a transaction");
        }
    }

    fn set(&mut self, place: usize, node: Node) {
        let tokens = self.tokens(node).get(1..).unwrap_or_default();
        let tokens = match tokens {
            [first, second, ..]
                if first.kind == token::SESSION
                    && (second.kind == token::CHARACTERISTICS
                        || second.kind == token::AUTHORIZATION) =>
            {
                tokens
            }
            [first, rest @ ..]
                if matches!(first.kind, token::SESSION | token::LOCAL)
                    && !rest.first().is_some_and(|next| self.is_sign(*next, "=")) =>
            {
                rest
            }
            _ => tokens,
        };
        self.setting(place, tokens);
    }

    fn reset(&mut self, place: usize, node: Node) {
        self.setting(place, self.tokens(node).get(1..).unwrap_or_default());
    }

    /// `READ WRITE` undoes what the session was opened with.
    fn may_write(&mut self, tokens: &[Token]) {
        if tokens.iter().any(|token| token.kind == token::WRITE) {
            self.session.lead_out("a transaction says `read write`");
        }
    }

    fn setting(&mut self, place: usize, tokens: &[Token]) {
        let kinds: Vec<u16> = tokens.iter().take(2).map(|token| token.kind).collect();
        let end = tokens.iter().position(|token| {
            matches!(token.kind, token::TO | token::FROM) || self.is_sign(*token, "=")
        });
        let name = tokens
            .get(..end.unwrap_or(tokens.len()))
            .unwrap_or_default();
        match kinds.as_slice() {
            [token::TRANSACTION, ..] | [token::SESSION, token::CHARACTERISTICS] => {
                self.may_write(tokens);
                self.effect(place, Effect::Read, "the bounds of a transaction");
            }
            [token::ROLE, ..] | [token::SESSION, token::AUTHORIZATION] => {
                self.effect(place, Effect::Access, "a change of the role");
            }
            [token::TIME, token::ZONE] => {
                self.effect(place, Effect::Read, "a setting of the session");
            }
            _ => match self.name_of_setting(name) {
                Some(name) if matches!(&*name, "role" | "session_authorization") => {
                    self.effect(place, Effect::Access, "a change of the role");
                }
                Some(name) if is_harmless_setting(&name) => {
                    self.effect(place, Effect::Read, "a setting of the session");
                }
                _ => {
                    let name = self.shown(name);
                    self.add(
                        Effect::Unknown,
                        format!("gate does not know that setting `{name}` changes nothing"),
                    );
                }
            },
        }
    }

    fn name_of_setting(&self, tokens: &[Token]) -> Option<String> {
        let words: Option<Vec<_>> = tokens.iter().map(|token| self.name(*token)).collect();
        words.map(|words| words.concat().to_ascii_lowercase())
    }

    fn show(&mut self, place: usize, node: Node) {
        self.effect(place, Effect::Read, "a `SHOW`");
        let tokens = self.tokens(node).get(1..).unwrap_or_default();
        let name = self.name_of_setting(tokens);
        if name.is_none_or(|name| is_secret_setting(&name)) {
            let reason = format!("setting `{}` can hold a credential", self.shown(tokens));
            self.add(Effect::Secret, reason);
        }
    }

    /// An aggregate, an operator and a type of functions name code that runs
    /// when they are used.
    fn define(&mut self, place: usize, node: Node) {
        let is_data = self.has(node, token::COLLATION)
            || self.has(node, token::DICTIONARY)
            || self.has(node, token::CONFIGURATION)
            || self.has(node, token::ENUM_P)
            || (self.starts(node, &[token::CREATE, token::TYPE_P])
                && !self.has(node, token::RANGE)
                && (self.has(node, token::AS) || self.tokens(node).len() == 3));
        if is_data {
            self.effect(place, Effect::Write, "a statement that changes");
        } else {
            self.effect(place, Effect::Execute, CODE);
        }
    }

    fn alter_table(&mut self, place: usize, node: Node) {
        let kinds: Vec<u16> = self
            .tokens(node)
            .iter()
            .take(4)
            .map(|token| token.kind)
            .collect();
        match kinds.as_slice() {
            [token::OWNER, ..]
            | [
                token::ENABLE_P | token::DISABLE_P | token::FORCE,
                token::ROW,
                ..,
            ]
            | [token::NO, token::FORCE, ..] => self.effect(place, Effect::Access, PERMISSIONS),
            [token::DROP, second, ..] if *second != token::CONSTRAINT => {
                self.effect(place, Effect::Destroy, "a statement that removes");
            }
            _ => {}
        }
    }
}
