//! The grammar of Python's argparse, as the AWS CLI has it and as others do.
//!
//! The outer parser takes the global options from anywhere, abbreviated where
//! that is unambiguous, and the service; the service takes the operation; the
//! operation takes the rest. A word that starts with a dash is never a value.
//! The AWS CLI has no options of one letter and no use for `--`.

use std::borrow::Cow;

use super::words::{Found, Parsed, Use, shown, split_value};
use crate::invocation::WordRole;
use crate::profile::{Arity, FlagSpec, Neutral, Style};

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((index, word)) = parsed.next_word() {
        match word {
            b"--" if parsed.spec.style == Style::Argparse || parsed.wants_command() => {
                parsed.give_up("`--` is not understood here".to_owned());
                return;
            }
            b"--" => {
                parsed.mark(WordRole::Separator, Cow::Borrowed(""));
                parsed.take_rest(false);
            }
            [b'-', b'-', body @ ..] => take_option(parsed, body),
            [b'-', digit, ..] if digit.is_ascii_digit() => parsed.take_operand(index, word),
            [b'-', letters @ ..] if !letters.is_empty() => take_shorts(parsed, letters),
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
        Found::Flag(flag) => {
            refuse_neutral_cut_short(parsed, flag, name);
            take_known(parsed, flag, inline);
        }
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

/// Tells whether the AWS CLI only shows the manual of an operation: `help` is all that stands
/// behind it but for global options. Elsewhere it can be the value of a parameter. Source: aws-cli,
/// `awscli/argparser.py`, `ArgTableArgParser`.
pub(super) fn asks_for_help(parsed: &Parsed<'_>) -> bool {
    let is_global = |used: &Use<'_>| {
        let mut globals = parsed.spec.global_flags().iter();
        globals.any(|flag| flag.name == used.name)
    };
    parsed.spec.style == Style::Argparse
        && parsed.path.len() > 1
        && parsed.problems.is_empty()
        && matches!(&*parsed.operands, [only] if only.bytes == b"help")
        && parsed.uses.iter().all(is_global)
}

/// Where not every option is listed, one that is cut short can be the whole name
/// of another: it is not believed when it would take an effect away.
fn refuse_neutral_cut_short(parsed: &mut Parsed<'_>, flag: &FlagSpec, name: &[u8]) {
    let is_open = parsed.node().is_some_and(|node| node.is_open);
    let is_cut = flag.name.as_bytes() != name;
    if is_open && is_cut && !matches!(flag.neutral, Neutral::Never) {
        parsed.problem(format!("option `--{}` is cut short", shown(name)));
    }
}

/// Reads `-v`, `-vv`, `-xVALUE`, `-x=VALUE` and `-x VALUE`.
fn take_shorts<'a>(parsed: &mut Parsed<'a>, letters: &'a [u8]) {
    let index = parsed.words.len();
    let mut rest = letters;
    let mut at = 1;
    while let Some((letter, after)) = rest.split_first() {
        let Some(flag) = parsed.find_short(*letter, true) else {
            if parsed.node().is_some_and(|node| node.is_open) {
                let inline = (!after.is_empty()).then_some((at + 1, after));
                take_parameter(parsed, &[*letter], inline);
                return;
            }
            parsed.take_unknown(format!("gate does not know `-{}`", shown(letters)));
            return;
        };
        if after.is_empty() {
            take_known(parsed, flag, None);
            return;
        }
        if flag.arity != Arity::Switch {
            let is_equal = at == 1 && after.first() == Some(&b'=');
            let skip = usize::from(is_equal);
            let value = after.get(skip..).unwrap_or_default();
            take_known(parsed, flag, Some((at + 1 + skip, value)));
            return;
        }
        parsed.push_use(flag, true, None, (index, 0));
        rest = after;
        at += 1;
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
        Arity::Optional if parsed.spec.style == Style::Python && inline.is_none() && has_value => {
            parsed.mark(WordRole::Option, flag.name.clone());
            parsed.take_next_value(flag);
        }
        Arity::Switch | Arity::Required | Arity::Optional | Arity::Pair => {
            parsed.take_flag(flag, inline);
        }
        Arity::Many => {
            let place = inline.map_or(0, |(start, _)| start);
            parsed.push_use(
                flag,
                true,
                inline.map(|(_, value)| value),
                (parsed.words.len(), place),
            );
            parsed.mark(WordRole::Option, flag.name.clone());
            let is_whole = inline.is_some() && parsed.spec.style == Style::Python;
            while let Some((index, value)) = parsed.value_at(0).filter(|_| !is_whole) {
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
