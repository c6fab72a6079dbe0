//! The grammar of GNU `getopt_long`, as psql and systemctl have it, and git's own, which
//! reads the options before the subcommand strictly and those after it like
//! `getopt_long` with `--no-` before any of them.

use std::borrow::Cow;

use super::words::{Found, Parsed, shown, split_value};
use crate::effect::Effect;
use crate::invocation::{Word, WordRole};
use crate::profile::{Arity, FlagSpec, Order, Style};

pub(crate) fn read(parsed: &mut Parsed<'_>) {
    if parsed.node().is_some_and(|node| node.order == Order::Words) {
        parsed.take_rest(false);
    }
    while let Some((index, word)) = parsed.next_word() {
        match word {
            // `git --help push` is `git help push`.
            [b'-', ..] if is_before_git_command(parsed) && parsed.spec.child(0, word).is_some() => {
                parsed.take_command(word);
            }
            b"--" if is_before_git_command(parsed) => {
                parsed.give_up("`--` stands before the subcommand".to_owned());
            }
            b"--" => {
                parsed.mark(WordRole::Separator, Cow::Borrowed(""));
                if parsed.wants_command()
                    && parsed.spec.style == Style::Git
                    && parsed.next_word().is_some()
                {
                    parsed.give_up("`--` stands before the subcommand".to_owned());
                }
                take_command_behind_separator(parsed);
                parsed.take_rest(false);
            }
            b"--help" if is_last_behind_git_command(parsed) => take_help(parsed),
            [b'-', b'-', body @ ..] => take_long(parsed, body),
            [b'-', digits @ ..] if is_git_count(parsed, digits) => take_count(parsed, digits),
            [b'-', letters @ ..] if !letters.is_empty() => take_shorts(parsed, letters),
            _ if parsed.wants_command() => parsed.take_command(word),
            _ if parsed.node().is_some_and(|node| node.order == Order::First) => {
                parsed.take_rest(false);
            }
            _ => parsed.take_operand(index, word),
        }
    }
}

/// With `getopt_long` alone a subcommand is an operand as any other, and `--`
/// can stand before it.
fn take_command_behind_separator(parsed: &mut Parsed<'_>) {
    while parsed.spec.style == Style::Getopt && parsed.wants_command() {
        let Some((_, word)) = parsed.next_word() else {
            return;
        };
        parsed.take_command(word);
    }
}

fn is_before_git_command(parsed: &Parsed<'_>) -> bool {
    parsed.spec.style == Style::Git && parsed.command == 0
}

/// Tells whether a word is the only one behind the first word of a subcommand of git.
fn is_last_behind_git_command(parsed: &Parsed<'_>) -> bool {
    let is_command = |word: &Word| word.role == WordRole::Command;
    parsed.spec.style == Style::Git
        && parsed.path.len() == 1
        && parsed.words.last().is_some_and(is_command)
        && parsed.word_ahead(1).is_none()
}

/// `git push --help` is `git help push`, whatever `git push` makes of its options. Source: git,
/// `git.c`, `handle_builtin`.
fn take_help(parsed: &mut Parsed<'_>) {
    parsed.mark(WordRole::Option, Cow::Borrowed("help"));
    if let Some((index, node)) = parsed.spec.child(0, b"help") {
        parsed.command = index;
        parsed.path = vec![node.canonical.clone()];
    }
}

/// git's global options are valid before the subcommand only.
fn sees_globals(parsed: &Parsed<'_>) -> bool {
    parsed.spec.style == Style::Getopt || parsed.command == 0
}

fn take_long<'a>(parsed: &mut Parsed<'a>, body: &'a [u8]) {
    let (name, value) = split_value(body);
    let inline = value.map(|(start, value)| (start + 2, value));
    let globals = sees_globals(parsed);
    // A letter is listed under itself where a flag has no long name.
    if name.len() == 1 {
        parsed.give_up(format!(
            "gate does not know option `--{}` here",
            shown(name)
        ));
        return;
    }
    if is_before_git_command(parsed) {
        return match parsed.find_exact(name, globals) {
            Some(flag) => parsed.take_flag(flag, inline),
            None => parsed.give_up(format!(
                "gate does not know option `--{}` before the subcommand",
                shown(name)
            )),
        };
    }
    match parsed.find_abbreviated(name, globals) {
        Found::Flag(flag) if flag.arity == Arity::Switch && inline.is_some() => {
            parsed.take_unknown(format!("switch `--{}` takes no value", flag.name));
        }
        Found::Flag(flag) => {
            refuse_cut_short(parsed, flag, name);
            parsed.take_flag(flag, inline);
        }
        Found::Nothing if take_negated(parsed, name, inline.is_some()) => {}
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

/// What is cut short in git can be the whole name of an option that gate does
/// not list, as `--default` is beside `--default-prefix`: only a reading that
/// asks anyway is believed.
fn refuse_cut_short(parsed: &mut Parsed<'_>, flag: &FlagSpec, name: &[u8]) {
    let asks = flag.effect.is_some_and(|effect| effect > Effect::Local);
    if parsed.spec.style == Style::Git && flag.name.as_bytes() != name && !asks {
        parsed.problem(format!("option `--{}` is cut short", shown(name)));
    }
}

/// Reads `--no-NAME` of git. It turns a switch off; of an option with a value
/// it takes the value back, which changes no effect that was added.
fn take_negated(parsed: &mut Parsed<'_>, name: &[u8], has_value: bool) -> bool {
    let Some(positive) = name.strip_prefix(b"no-") else {
        return false;
    };
    if parsed.spec.style != Style::Git || has_value || positive.len() == 1 {
        return false;
    }
    let Some(flag) = parsed.find_exact(positive, false) else {
        return false;
    };
    let index = parsed.words.len();
    parsed.push_use(flag, false, None, (index, 0));
    parsed.mark(WordRole::Option, flag.name.clone());
    true
}

/// `-5` of `git log`.
fn is_git_count(parsed: &Parsed<'_>, digits: &[u8]) -> bool {
    parsed.spec.style == Style::Git
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && parsed.find_exact(b"max-count", false).is_some()
}

fn take_count<'a>(parsed: &mut Parsed<'a>, digits: &'a [u8]) {
    if let Some(flag) = parsed.find_exact(b"max-count", false) {
        parsed.take_flag(flag, Some((1, digits)));
    }
}

/// Reads a bundle: switches up to the first letter that takes a value, which
/// takes the rest of the word or the next one.
fn take_shorts<'a>(parsed: &mut Parsed<'a>, letters: &'a [u8]) {
    let index = parsed.words.len();
    let globals = sees_globals(parsed);
    let mut rest = letters;
    let mut at = 1;
    while let Some((letter, after)) = rest.split_first() {
        let Some(flag) = parsed.find_short(*letter, globals) else {
            parsed.give_up(format!(
                "gate does not know option `-{}` here",
                shown(&[*letter])
            ));
            return;
        };
        let is_last = after.is_empty() || flag.arity != Arity::Switch;
        if is_last {
            take_last_short(parsed, flag, (at + 1, after));
            return;
        }
        parsed.push_use(flag, true, None, (index, 0));
        rest = after;
        at += 1;
    }
}

fn take_last_short<'a>(parsed: &mut Parsed<'a>, flag: &'a FlagSpec, after: (usize, &'a [u8])) {
    let inline = (!after.1.is_empty()).then_some(after);
    parsed.take_flag(flag, inline);
}
