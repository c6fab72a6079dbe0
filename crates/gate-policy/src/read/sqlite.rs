//! The grammar of the shell of `SQLite`: options are compared as a whole, with one
//! dash or two, and stand before, between and behind the operands.

use super::words::{Parsed, shown};
use crate::profile::Arity;

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((index, word)) = parsed.next_word() {
        let name = match word {
            [b'-', b'-', name @ ..] | [b'-', name @ ..] if !name.is_empty() => name,
            _ => {
                parsed.take_operand(index, word);
                continue;
            }
        };
        match parsed.find_exact(name, true) {
            Some(flag) if matches!(flag.arity, Arity::Switch | Arity::Required) => {
                parsed.take_flag(flag, None);
            }
            _ => {
                parsed.give_up(format!("gate does not know option `{}`", shown(word)));
                return;
            }
        }
    }
}
