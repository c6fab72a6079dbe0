//! Calculations as they are written.

use super::names::{is_letter, is_name};
use super::parser::Parser;
use super::syntax::Arithmetic;

/// What can stand in a calculation besides letters and digits.
const SIGNS: &[u8] = b"$ \t+-*/%<>=!&|^~?:,#{}()";

impl Parser<'_> {
    /// Reads a calculation behind so many `(` to as many `)`, where it holds
    /// nothing but numbers, signs, names and plain values; else nothing is
    /// taken.
    pub(super) fn arithmetic(&mut self, open: usize) -> Option<Arithmetic> {
        let start = self.at + open;
        let text = inside(self.text.get(start..)?)?;
        let end = start + text.len();
        let read = read(text)?;
        self.at = end + 2;
        Some(read)
    }

    /// Reads a calculation up to what ends it, and takes both.
    pub(super) fn calculation(&mut self, end: &[u8]) -> Option<Arithmetic> {
        let rest = self.text.get(self.at..)?;
        let length = rest.windows(end.len()).position(|bytes| bytes == end)?;
        let text = rest.get(..length)?;
        let is_plain = |byte: &u8| is_letter(*byte) || SIGNS.contains(byte);
        if !text.iter().all(is_plain) {
            return None;
        }
        let read = read(text)?;
        self.at += length + end.len();
        Some(read)
    }
}

fn read(text: &[u8]) -> Option<Arithmetic> {
    let names = names(text)?;
    Some(Arithmetic {
        names,
        assigns: assigns(text),
        expands: text.contains(&b'$'),
        may_fail: !is_sure(text),
    })
}

/// Tells whether a calculation is none that can be an error: operands with
/// simple operators between them, and no division but by a number that stands
/// there. Nothing can be put into what a `$` stands for.
fn is_sure(text: &[u8]) -> bool {
    // Below zero it makes a step of a `-` right before it.
    if splits_operator(text) || text.windows(2).any(|two| two == b"-$") {
        return false;
    }
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !is_blank(*byte))
        .collect();
    if text.is_empty() {
        return true;
    }
    let mut rest = &*text;
    let mut is_first = true;
    loop {
        let name = rest.strip_prefix(b"$").unwrap_or(rest);
        let length = word(name).len();
        let operand = name.get(..length).unwrap_or_default();
        let is_value = name.len() < rest.len();
        let is_name = is_name(operand);
        let is_number = operand == b"0" || (!operand.is_empty() && is_divisor(operand));
        if !is_name && !is_number {
            return false;
        }
        rest = name.get(length..).unwrap_or_default();
        let step = rest.get(..2).filter(|two| matches!(*two, b"++" | b"--"));
        let is_assignable = is_name && is_first && !is_value;
        if is_assignable && step.is_some() {
            return rest.len() == 2;
        }
        if rest.is_empty() {
            return true;
        }
        let compared: [&[u8]; 6] = [b"<=", b">=", b"==", b"!=", b"&&", b"||"];
        let plain: [&[u8]; 5] = [b"+", b"-", b"*", b"<", b">"];
        let assigning: [&[u8]; 4] = [b"=", b"+=", b"-=", b"*="];
        let assigning = assigning.iter().filter(|_| is_assignable);
        let mut signs = compared.iter().chain(assigning).chain(&plain);
        if let Some(behind) = signs.find_map(|sign| rest.strip_prefix(*sign)) {
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix(b"/").or(rest.strip_prefix(b"%")) {
            if !is_divisor(word(behind)) {
                return false;
            }
            rest = behind;
        } else {
            return false;
        }
        is_first = false;
    }
}

/// Tells whether a blank stands between two signs, which are then two operators
/// where they would be one without it.
fn splits_operator(text: &[u8]) -> bool {
    let mut parts = text
        .split(|byte| is_blank(*byte))
        .filter(|part| !part.is_empty())
        .peekable();
    let is_sign = |byte: Option<&u8>| byte.is_some_and(|byte| !is_letter(*byte) && *byte != b'$');
    while let Some(part) = parts.next() {
        let behind = parts.peek().and_then(|part| part.first());
        if is_sign(part.last()) && is_sign(behind) {
            return true;
        }
    }
    false
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Tells whether letters are a decimal number that is not zero.
fn is_divisor(word: &[u8]) -> bool {
    word.first().is_some_and(|first| *first != b'0') && word.iter().all(u8::is_ascii_digit)
}

/// Returns what stands before the `))` that closes it.
fn inside(rest: &[u8]) -> Option<&[u8]> {
    let mut depth = 0_usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b')' if depth == 0 => {
                let is_closed = rest.get(at + 1) == Some(&b')');
                return rest.get(..at).filter(|_| is_closed);
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if is_letter(*byte) || SIGNS.contains(byte) => {}
            _ => return None,
        }
    }
    None
}

/// Returns the names in a calculation, also those behind a `$`. Two operands
/// beside each other are no calculation: what a value and a letter become
/// together is not known.
fn names(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    let mut rest = text;
    let mut is_behind_operand = false;
    while let Some(byte) = rest.first() {
        let length = match byte {
            b' ' | b'\t' => {
                rest = rest.get(1..)?;
                continue;
            }
            b'$' => {
                let (name, length) = value(rest.get(1..)?)?;
                names.push(name.to_vec());
                length + 1
            }
            b'#' | b'{' | b'}' => return None,
            _ if is_letter(*byte) => {
                let word = word(rest);
                names.extend(is_name(word).then(|| word.to_vec()));
                word.len()
            }
            _ => {
                is_behind_operand = false;
                rest = rest.get(1..)?;
                continue;
            }
        };
        if is_behind_operand {
            return None;
        }
        is_behind_operand = true;
        rest = rest.get(length..)?;
    }
    Some(names)
}

/// Returns the name behind a `$`, and how long it is as it is written.
fn value(rest: &[u8]) -> Option<(&[u8], usize)> {
    match rest {
        [b'?' | b'#' | b'$' | b'!' | b'0'..=b'9', ..] => Some((rest.get(..1)?, 1)),
        [b'{', inside @ ..] => {
            let name = word(inside);
            let is_closed = inside.get(name.len()) == Some(&b'}');
            let is_plain = is_name(name) || name.iter().all(u8::is_ascii_digit);
            (is_closed && is_plain && !name.is_empty()).then_some((name, name.len() + 2))
        }
        _ => Some(word(rest))
            .filter(|name| is_name(name))
            .map(|name| (name, name.len())),
    }
}

fn word(rest: &[u8]) -> &[u8] {
    let length = rest.iter().take_while(|byte| is_letter(**byte)).count();
    rest.get(..length).unwrap_or_default()
}

/// Tells whether a calculation can assign to its names.
fn assigns(text: &[u8]) -> bool {
    let compares = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let is_shift = at.checked_sub(2).and_then(|at| text.get(at)) == before;
        text.get(at + 1) == Some(&b'=')
            || match before {
                Some(b'=' | b'!') => true,
                Some(b'<' | b'>') => !is_shift,
                _ => false,
            }
    };
    let mut equals = text.iter().enumerate().filter(|(_, byte)| **byte == b'=');
    let steps = text.windows(2).any(|two| two == b"++" || two == b"--");
    steps || equals.any(|(at, _)| !compares(at))
}
