//! The nodes of which the name alone does not say what they do.

use std::borrow::Cow;

use super::Judge;
use super::columns::{Columns, has_secret_columns};
use super::kinds::{node, number_of};
use super::known::{
    is_known_operator, is_known_type, is_of_server, is_pure, is_secret_relation, reaches_out,
};
use super::session::Reach;
use crate::effect::Effect;
use crate::sql::grammar::{Node, Token, token};

impl<'t> Judge<'t> {
    pub(super) fn special(&mut self, number: u8, place: usize, node: Node) {
        match number {
            // Whoever stands above looks at it; what names columns is for `note_columns`.
            node::func_name
            | node::toplevel_stmt
            | node::indirection_el
            | node::target_el
            | node::alias_clause
            | node::simple_select => {}
            node::func_application => self.call(place),
            node::tablesample_clause => self.sample(place),
            node::GenericType => self.generic_type(place, node),
            node::AexprConst => self.constant(place),
            node::qual_Op | node::all_Op | node::any_operator => self.operator(node),
            node::c_expr => self.brackets(place),
            node::columnref => self.column(place, node),
            node::qualified_name => self.relation(node),
            node::into_clause => {
                if !self.tokens(node).is_empty() {
                    self.add(Effect::Write, "the SQL makes a table");
                }
            }
            node::for_locking_item => self.add(Effect::Write, "the SQL locks rows"),
            node::columnDef => self.mute_type_of_column(place),
            node::func_type => self.muted.types = node.first as usize..place,
            _ => self.command(number, place, node),
        }
    }

    pub(super) fn starts(&self, node: Node, kinds: &[u16]) -> bool {
        let tokens = self.tokens(node).iter().map(|token| token.kind);
        tokens.take(kinds.len()).eq(kinds.iter().copied())
    }

    pub(super) fn has(&self, node: Node, kind: u16) -> bool {
        self.tokens(node).iter().any(|token| token.kind == kind)
    }

    /// Returns the node below that stands first.
    fn first_child(&self, place: usize) -> Option<Node> {
        let first = self.tree.children(place).last();
        first.and_then(|child| self.node(child))
    }

    fn call(&mut self, place: usize) {
        if self.muted.call.take() == Some(place) {
            return;
        }
        let name = self
            .first_child(place)
            .map_or(&[][..], |name| self.tokens(name));
        if self.own_name(name).is_some_and(|name| is_pure(&name)) {
            return;
        }
        let reason = format!(
            "gate does not know that function `{}` only reads",
            self.shown(name)
        );
        self.unknown_function(self.last_name(name), reason);
    }

    /// A function of the server's own that is not known to read does more than
    /// a transaction holds back: it signals, locks, writes files. One whose name
    /// can't be read may be such a function.
    fn unknown_function(&mut self, name: Option<Cow<'_, str>>, reason: impl Into<String>) {
        if name.as_deref().is_none_or(is_of_server) {
            self.session.reaches(Reach::Server);
        }
        if name.is_some_and(|name| !reaches_out(&name)) {
            self.add_code(reason);
        } else {
            self.add(Effect::Unknown, reason);
        }
    }

    fn sample(&mut self, place: usize) {
        let name = self
            .first_child(place)
            .map_or(&[][..], |name| self.tokens(name));
        let name = self.own_name(name);
        if !name.is_some_and(|name| matches!(&*name, "bernoulli" | "system")) {
            self.add_code("gate does not know a way to sample rows");
        }
    }

    fn generic_type(&mut self, place: usize, node: Node) {
        let mut tokens = self.tokens(node);
        // `numeric(3)`: the numbers are for the type's own code.
        if let Some(bracket) = tokens.iter().position(|token| self.is_sign(*token, "(")) {
            tokens = tokens.get(..bracket).unwrap_or_default();
        }
        if !self.muted.types.contains(&place) {
            self.known_type(tokens);
        }
    }

    fn known_type(&mut self, tokens: &[Token]) {
        if !self
            .own_name(tokens)
            .is_some_and(|name| is_known_type(&name))
        {
            let name = self.shown(tokens);
            self.add_code(format!("gate does not know type `{name}`"));
        }
    }

    /// `name 'text'` is a text of the type `name`.
    fn constant(&mut self, place: usize) {
        let named = self
            .first_child(place)
            .filter(|child| number_of(child.rule) == node::func_name);
        if let Some(named) = named {
            self.known_type(self.tokens(named));
        }
    }

    fn operator(&mut self, node: Node) {
        let tokens = self.tokens(node);
        let schema = tokens.split_last().map_or(&[][..], |(_, schema)| schema);
        let is_written_alone =
            schema.is_empty() || self.is_sign(*tokens.last().unwrap_or(&END), ")");
        let is_system = match schema {
            [schema, _] => self.name(*schema).is_some_and(|name| name == "pg_catalog"),
            _ => is_written_alone,
        };
        let sign = tokens.last().map_or("", |token| self.written(*token));
        if !is_system || (schema.is_empty() && !is_known_operator(sign)) {
            let operator = self.shown(tokens);
            self.add_code(format!("gate does not know operator `{operator}`"));
        }
    }

    pub(super) fn is_sign(&self, token: Token, sign: &str) -> bool {
        self.written(token) == sign
    }

    /// `(row).name` calls the function `name` where the row has no such column.
    /// So does `relation.name`, but nobody could write a join without it: the
    /// functions of the database are trusted there as its views are.
    fn brackets(&mut self, place: usize) {
        let mut children = self.tree.children(place);
        if let (Some(behind), Some(_)) = (children.next(), children.next())
            && let Some(behind) = self.node(behind)
        {
            self.fields(self.tokens(behind), false);
        }
    }

    fn column(&mut self, place: usize, node: Node) {
        let tokens = self.tokens(node);
        let behind = self
            .tree
            .children(place)
            .next()
            .and_then(|child| self.node(child));
        if let Some(behind) = behind.filter(|_| tokens.len() > 1) {
            self.fields(self.tokens(behind), true);
        }
    }

    /// Looks for a field behind brackets. `is_named`: names may come first.
    fn fields(&mut self, tokens: &[Token], is_named: bool) {
        let (mut depth, mut is_named) = (0_usize, is_named);
        for (index, token) in tokens.iter().enumerate() {
            match self.written(*token) {
                "[" | "(" => {
                    depth += 1;
                    is_named = false;
                }
                "]" | ")" => depth = depth.saturating_sub(1),
                "." if depth == 0 && !is_named => {
                    let next = tokens.get(index + 1);
                    if !next.is_some_and(|next| self.is_sign(*next, "*")) {
                        let name = next.and_then(|next| self.name(*next));
                        let reason = "a field in brackets can be a call of a function";
                        self.unknown_function(name, reason);
                    }
                }
                _ => {}
            }
        }
    }

    /// Notes which columns and relations a node names.
    pub(super) fn note_columns(&self, number: u8, node: Node, columns: &mut Columns<'t>) {
        let tokens = self.tokens(node);
        match number {
            node::columnref => {
                let last = match tokens {
                    [only] => Some(only),
                    [.., dot, last] if self.is_sign(*dot, ".") => Some(last),
                    _ => None,
                };
                if let Some(name) = last.and_then(|last| self.name(*last)) {
                    columns.alone(name);
                }
            }
            // `*` and `t.*` ask for columns without their names.
            node::indirection_el | node::target_el => {
                let last = tokens.last().filter(|_| tokens.len() <= 2);
                if last.is_some_and(|last| self.is_sign(*last, "*")) {
                    columns.unnamed();
                }
            }
            node::alias_clause => {
                let name = tokens.iter().find(|token| token.kind != token::AS);
                if let Some(name) = name.and_then(|name| self.name(*name)) {
                    columns.alias(name, tokens.len() > 2);
                }
            }
            node::simple_select if self.starts(node, &[token::TABLE]) => columns.unnamed(),
            node::qualified_name => {
                if let Some(name) = self.last_name(tokens) {
                    columns.relation(name);
                }
            }
            _ => {}
        }
    }

    fn relation(&mut self, node: Node) {
        let tokens = self.tokens(node);
        match self.last_name(tokens) {
            None => self.add(Effect::Unknown, "a name is written in code points"),
            Some(name) => {
                if is_secret_relation(&name) {
                    let reason = format!("`{}` holds credentials", self.shown(tokens));
                    self.add(Effect::Secret, reason);
                }
                self.has_secret_columns |= has_secret_columns(&name);
            }
        }
    }

    /// A column that is declared is not converted to its type.
    fn mute_type_of_column(&mut self, place: usize) {
        let children: Vec<usize> = self.tree.children(place).collect();
        let declared = children
            .len()
            .checked_sub(2)
            .and_then(|at| children.get(at));
        if let Some(declared) = declared.copied()
            && let Some(node) = self.node(declared)
        {
            self.muted.types = node.first as usize..declared;
        }
    }
}

/// A token of nothing.
const END: Token = Token {
    kind: 0,
    start: 0,
    end: 0,
};
