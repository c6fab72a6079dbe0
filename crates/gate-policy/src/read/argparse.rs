//! The grammar of the AWS CLI on Python's argparse.
//!
//! The outer parser takes the global options from anywhere, abbreviated where
//! that is unambiguous, and the service; the service takes the operation; the
//! operation takes the rest. A word that starts with a dash is never a value.

use std::borrow::Cow;

use super::words::{Found, Parsed, Use, shown, split_value};
use crate::invocation::WordRole;
use crate::profile::{Arity, FlagSpec};

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((index, word)) = parsed.next_word() {
        match word {
            b"--" => {
                parsed.give_up("`--` is not understood here".to_owned());
                return;
            }
            [b'-', b'-', body @ ..] => take_option(parsed, body),
            [b'-', digit, ..] if digit.is_ascii_digit() => parsed.take_operand(index, word),
            [b'-', _, ..] => parsed.take_unknown(format!("gate does not know `{}`", shown(word))),
            _ if parsed.wants_command() => parsed.take_command(word),
            _ => parsed.take_operand(index, word),
        }
    }
}

fn take_option<'a>(parsed: &mut Parsed<'a>, body: &'a [u8]) {
    let (name, value) = split_value(body);
    let inline = value.map(|(start, value)| (start + 2, value));
    if name.contains(&b' ') {
        parsed.give_up(format!("gate does not know `--{}`", shown(name)));
        return;
    }
    match parsed.find_abbreviated(name, true) {
        Found::Flag(flag) => take_known(parsed, flag, inline),
        Found::Nothing if parsed.node().is_some_and(|node| node.is_open) => {
            take_parameter(parsed, name, inline);
        }
        Found::Nothing => {
            parsed.give_up(format!(
                "gate does not know option `--{}` here",
                shown(name)
            ));
        }
        Found::Ambiguous => {
            parsed.give_up(format!("option `--{}` can stand for several", shown(name)));
        }
    }
}

fn take_known<'a>(parsed: &mut Parsed<'a>, flag: &'a FlagSpec, inline: Option<(usize, &'a [u8])>) {
    let has_value = inline.is_some() || parsed.value_at(1).is_some();
    match flag.arity {
        Arity::Switch if inline.is_some() => {
            parsed.take_unknown(format!("switch `--{}` takes no value", flag.name));
        }
        Arity::Required if !has_value => {
            parsed.take_unknown(format!("option `--{}` has no value", flag.name));
        }
        Arity::Switch | Arity::Required | Arity::Optional => parsed.take_flag(flag, inline),
        Arity::Many => {
            let place = inline.map_or(0, |(start, _)| start);
            parsed.push_use(
                flag,
                true,
                inline.map(|(_, value)| value),
                (parsed.words.len(), place),
            );
            parsed.mark(WordRole::Option, flag.name.clone());
            while let Some((index, value)) = parsed.value_at(0) {
                parsed.push_use(flag, true, Some(value), (index, 0));
                parsed.mark(WordRole::Value, flag.name.clone());
            }
        }
    }
}

/// A parameter of an operation. gate has no list of these; it takes every word
/// up to the next option for its value, as most of them are lists.
fn take_parameter<'a>(parsed: &mut Parsed<'a>, name: &[u8], inline: Option<(usize, &'a [u8])>) {
    let name: Cow<'static, str> = Cow::Owned(shown(name));
    let place = inline.map_or(0, |(start, _)| start);
    parsed.push_parameter(
        name.clone(),
        inline.map(|(_, value)| value),
        (parsed.words.len(), place),
    );
    parsed.mark(WordRole::Option, name.clone());
    while let Some((index, value)) = parsed.value_at(0) {
        parsed.push_parameter(name.clone(), Some(value), (index, 0));
        parsed.mark(WordRole::Value, name.clone());
    }
}

impl<'a> Parsed<'a> {
    /// Returns the word so many behind the next one, if it can be a value.
    fn value_at(&self, ahead: usize) -> Option<(usize, &'a [u8])> {
        let (index, word) = self.word_ahead(ahead)?;
        match word {
            [b'-', digit, ..] if !digit.is_ascii_digit() => None,
            _ => Some((index, word)),
        }
    }

    fn push_parameter(
        &mut self,
        name: Cow<'static, str>,
        value: Option<&'a [u8]>,
        place: (usize, usize),
    ) {
        self.uses.push(Use {
            flag: None,
            name,
            value,
            on: true,
            argv_index: place.0,
            start: place.1,
        });
    }
}
