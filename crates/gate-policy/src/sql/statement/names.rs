//! The words of a tree as names.

use std::borrow::Cow;

use super::Judge;
use crate::sql::grammar::{Node, Token, token};

impl<'t> Judge<'t> {
    /// Returns the tokens of a node.
    pub(super) fn tokens(&self, node: Node) -> &'t [Token] {
        let (start, end) = node.tokens;
        let tokens = self.tree.tokens.get(start as usize..end as usize);
        tokens.unwrap_or_default()
    }

    /// Returns the bytes of a token as they stand.
    pub(super) fn written(&self, token: Token) -> &'t str {
        let range = token.start as usize..token.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    /// Returns a name as the server stores it: in lower case where no quotes
    /// stand around it. Nothing for one that is written in code points.
    pub(super) fn name(&self, token: Token) -> Option<Cow<'t, str>> {
        let written = self.written(token);
        match written.as_bytes() {
            [b'"', ..] => {
                let inside = written.get(1..written.len() - 1).unwrap_or_default();
                Some(if inside.contains('"') {
                    Cow::Owned(inside.replace("\"\"", "\""))
                } else {
                    Cow::Borrowed(inside)
                })
            }
            [b'u' | b'U', b'&', ..] => None,
            _ if written.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Some(Cow::Owned(written.to_ascii_lowercase()))
            }
            _ => Some(Cow::Borrowed(written)),
        }
    }

    /// Returns the last part of a name when it stands alone or behind a schema
    /// of the system; a name of another schema is somebody's own.
    pub(super) fn own_name(&self, tokens: &[Token]) -> Option<Cow<'t, str>> {
        let is_dot = |token: &Token| self.written(*token) == ".";
        match tokens {
            [only] => self.name(*only),
            [schema, between, last] if is_dot(between) => {
                let schema = self.name(*schema)?;
                let is_system = matches!(&*schema, "pg_catalog" | "information_schema");
                is_system.then(|| self.name(*last)).flatten()
            }
            _ => None,
        }
    }

    /// Returns the last word of a name, whatever stands before it.
    pub(super) fn last_name(&self, tokens: &[Token]) -> Option<Cow<'t, str>> {
        tokens.last().and_then(|last| self.name(*last))
    }

    /// Returns a name as people read it.
    pub(super) fn shown(&self, tokens: &[Token]) -> String {
        tokens.iter().map(|token| self.written(*token)).collect()
    }

    /// Tells whether a statement names a word, whatever for.
    pub(super) fn names(&self, node: Node, word: &str) -> bool {
        let is_name = |token: &&Token| token.kind != token::SCONST;
        let mut tokens = self.tokens(node).iter().filter(is_name);
        tokens.any(|token| self.name(*token).is_none_or(|name| name == word))
    }
}
