//! The grammar of Go's `flag` package behind one level of global options, as
//! terraform has it.
//!
//! `-chdir` counts only before the subcommand, with one dash and with `=`.
//! After the subcommand one dash and two mean the same, and the flags end at
//! the first operand.

use std::borrow::Cow;

use super::words::{Parsed, shown, split_value};
use crate::invocation::WordRole;
use crate::profile::Arity;

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((_, word)) = parsed.next_word() {
        match word {
            [b'-', ..] if parsed.command == 0 => take_global(parsed, word),
            [b'-', ..] => break,
            _ if parsed.wants_command() => parsed.take_command(word),
            _ => break,
        }
    }
    while let Some((_, word)) = parsed.next_word() {
        match word {
            b"--" => {
                parsed.mark(WordRole::Separator, Cow::Borrowed(""));
                break;
            }
            [b'-', b'-', body @ ..] => take_local(parsed, 2, body),
            [b'-', body @ ..] if !body.is_empty() => take_local(parsed, 1, body),
            _ => break,
        }
    }
    if parsed.wants_command() && parsed.next_word().is_some() {
        parsed.give_up("flags stand between the words of the subcommand".to_owned());
    }
    parsed.take_rest(false);
}

fn take_global<'a>(parsed: &mut Parsed<'a>, word: &'a [u8]) {
    let dashes = word.iter().take_while(|byte| **byte == b'-').count();
    let (name, value) = split_value(word.get(dashes..).unwrap_or_default());
    let inline = value.map(|(start, value)| (start + dashes, value));
    let flag = (dashes <= 2)
        .then(|| parsed.find_exact(name, true))
        .flatten()
        .filter(|flag| match flag.arity {
            Arity::Switch => inline.is_none(),
            Arity::Required | Arity::Optional | Arity::Many => inline.is_some() && dashes == 1,
            Arity::Pair => false,
        });
    match flag {
        Some(flag) => parsed.take_flag(flag, inline),
        None => parsed.give_up(format!(
            "gate does not know flag `{}` before the subcommand",
            shown(word)
        )),
    }
}

fn take_local<'a>(parsed: &mut Parsed<'a>, dashes: usize, body: &'a [u8]) {
    let (name, value) = split_value(body);
    let inline = value.map(|(start, value)| (start + dashes, value));
    match parsed.find_exact(name, false) {
        Some(flag) => parsed.take_flag(flag, inline),
        None => parsed.give_up(format!("gate does not know flag `-{}` here", shown(name))),
    }
}
