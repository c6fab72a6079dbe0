//! What `grammar/kinds.toml` says of each rule of the grammar.

use crate::effect::Effect;

include!(concat!(env!("OUT_DIR"), "/kinds.rs"));

/// What is to be made of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is on no list.
    Unlisted,
    /// It only holds together what stands in it.
    Part,
    /// Its effect.
    Statement(Effect, &'static str),
    /// Code looks at it, by its number in [`node`].
    Special(u8),
}

/// Returns the number of the node that a rule makes.
pub(super) fn number_of(rule: u16) -> u8 {
    KINDS.get(usize::from(rule)).copied().unwrap_or(0)
}

/// Returns what is to be made of the node that a rule makes.
pub(super) fn kind_of(rule: u16) -> Kind {
    match number_of(rule) {
        0 => Kind::Unlisted,
        1 => Kind::Part,
        number => match number.checked_sub(FIRST_STATEMENT) {
            None => Kind::Special(number),
            Some(index) => match STATEMENTS.get(usize::from(index)) {
                Some((effect, why)) => Kind::Statement(*effect, why),
                None => Kind::Unlisted,
            },
        },
    }
}
