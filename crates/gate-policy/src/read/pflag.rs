//! The grammar of cobra and pflag, as kubectl has it.
//!
//! Flags stand anywhere and are never abbreviated. A subcommand is the first
//! word that is neither a flag nor the value of one, so `--cache-dir get
//! delete pods` deletes. Cobra skips a flag that it does not know yet together
//! with the word behind it; such a line is not understood here.

use std::borrow::Cow;

use super::words::{Parsed, shown, split_value};
use crate::invocation::WordRole;
use crate::profile::{Arity, Order, Passed, Style};

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    while let Some((index, word)) = parsed.next_word() {
        if parsed.node().is_some_and(|node| node.order == Order::Words) {
            parsed.take_rest(false);
            return;
        }
        match word {
            b"--" => {
                take_separator(parsed);
                return;
            }
            [b'+', name @ ..] if index == 1 && parsed.spec.style == Style::Clap => {
                take_toolchain(parsed, name);
            }
            [b'-', b'-', name @ ..] => take_long(parsed, name),
            [b'-', letters @ ..] if !letters.is_empty() => take_shorts(parsed, letters),
            _ if parsed.wants_command() => parsed.take_command(word),
            _ if parsed.node().is_some_and(|node| node.order == Order::First) => {
                parsed.take_rest(false);
            }
            _ => parsed.take_operand(index, word),
        }
    }
}

fn take_separator(parsed: &mut Parsed<'_>) {
    if parsed.wants_command() {
        parsed.give_up("`--` stands before the subcommand".to_owned());
        return;
    }
    parsed.mark(WordRole::Separator, Cow::Borrowed(""));
    let is_passed = parsed
        .node()
        .is_some_and(|node| node.passed == Passed::Command);
    parsed.take_rest(is_passed);
}

fn take_long<'a>(parsed: &mut Parsed<'a>, body: &'a [u8]) {
    let (name, value) = split_value(body);
    let inline = value.map(|(start, value)| (start + 2, value));
    match parsed.find_exact(name, true) {
        Some(flag) => parsed.take_flag(flag, inline),
        None if take_negated(parsed, name, inline.is_some()) => {}
        None => refuse(parsed, b"--", name),
    }
}

/// rustup, which stands in front of cargo, takes the first word for the name of
/// a toolchain when it starts so.
fn take_toolchain<'a>(parsed: &mut Parsed<'a>, name: &'a [u8]) {
    match parsed.find_exact(b"+", true) {
        Some(flag) => parsed.take_flag(flag, Some((1, name))),
        None => parsed.give_up(format!("gate does not know `+{}`", shown(name))),
    }
}

/// Reads `--no-NAME` of a switch of nopt.
fn take_negated(parsed: &mut Parsed<'_>, name: &[u8], has_value: bool) -> bool {
    let is_nopt = parsed.spec.style == Style::Nopt && !has_value;
    let positive = name.strip_prefix(b"no-").filter(|_| is_nopt);
    let flag = positive.and_then(|name| parsed.find_exact(name, true));
    let Some(flag) = flag.filter(|flag| flag.arity == Arity::Switch) else {
        return false;
    };
    let index = parsed.words.len();
    parsed.push_use(flag, false, None, (index, 0));
    parsed.mark(WordRole::Option, flag.name.clone());
    true
}

/// Cobra takes the word behind a flag that it does not know for its value,
/// pflag for an operand: which subcommand runs is then not certain. Where a command is open and
/// known, it is a parameter.
fn refuse(parsed: &mut Parsed<'_>, dashes: &[u8], name: &[u8]) {
    let problem = format!(
        "gate does not know flag `{}{}` here",
        shown(dashes),
        shown(name)
    );
    if parsed.wants_command() {
        parsed.give_up(problem);
    } else if parsed.node().is_some_and(|node| node.is_open) {
        parsed.mark(WordRole::Option, Cow::Borrowed(""));
    } else {
        parsed.take_unknown(problem);
    }
}

/// Reads `-n`, `-nv`, `-n=v`, `-n v` and bundles of switches.
fn take_shorts<'a>(parsed: &mut Parsed<'a>, letters: &'a [u8]) {
    let index = parsed.words.len();
    let mut rest = letters;
    let mut at = 1;
    while let Some((letter, after)) = rest.split_first() {
        let Some(flag) = parsed.find_short(*letter, true) else {
            refuse(parsed, b"-", &[*letter]);
            return;
        };
        let inline = match after {
            [b'=', value @ ..] if !value.is_empty() => Some((at + 2, value)),
            _ if after.is_empty() || flag.arity != Arity::Required => None,
            _ => Some((at + 1, after)),
        };
        if inline.is_some() && parsed.spec.style == Style::Nopt {
            refuse(parsed, b"-", letters);
            return;
        }
        if inline.is_some() || after.is_empty() {
            parsed.take_flag(flag, inline);
            return;
        }
        parsed.push_use(flag, true, None, (index, 0));
        rest = after;
        at += 1;
    }
}
