//! `PostgreSQL`'s own grammar: its scanner, and the automaton that bison makes
//! of its `gram.y`, as data.
//!
//! The automaton is what the server itself runs on, so that a text has one
//! tree here and there. It knows neither recursion nor backtracking: time and
//! memory grow with the text alone, and the stack not at all.

mod automaton;
mod lexer;
#[cfg(test)]
mod tests;
#[expect(
    clippy::unreadable_literal,
    reason = "the build script writes the numbers"
)]
mod symbols {
    include!(concat!(env!("OUT_DIR"), "/grammar.rs"));
}

pub(crate) use automaton::{Node, Tree, parse};
pub(crate) use lexer::{Lexer, Token};
pub(crate) use symbols::token;
