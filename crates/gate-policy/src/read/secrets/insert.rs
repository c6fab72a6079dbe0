//! `INSERT INTO t (…, password) VALUES (…, 'V')` in a text that is no statement
//! as a whole: a line of a shell, words for a tool that gate does not know.
//! There it is not known where a string begins, so it is read from its `INTO`
//! on; what a database reads goes through [`super::columns`].

use super::link;
use super::literal;
use super::scan::{Reading, Scan};
use super::text::Text;
use crate::read::secret_names::names_a_secret;

/// Reads from the word `INTO` on. Returns where reading goes on, or nothing
/// when no column is one of a secret.
pub(super) fn read(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let (Reading::Word | Reading::Shell) = scan.setting.reading else {
        return None;
    };
    let text = scan.text;
    let table = text.skip_blanks(at);
    let table_end = text.seek(table, |byte| {
        !(is_identifier(byte) || matches!(byte, b'.' | b'[' | b']'))
    });
    let open = text.skip_blanks(table_end);
    if table_end == table || text.at(open) != Some(b'(') {
        return None;
    }
    let (secret, behind) = columns(scan, open + 1)?;
    let values = text.skip_blanks(behind);
    if !secret.contains(&true) || !text.starts_folded(values, b"values") {
        return None;
    }
    let mut at = values + b"values".len();
    loop {
        at = link::skip_comments(text, at, &mut scan.comments);
        if text.at(at) != Some(b'(') {
            return Some(at);
        }
        at = row(scan, at + 1, &secret);
        let comma = text.skip_blanks(at);
        if text.at(comma) != Some(b',') {
            return Some(at);
        }
        at = comma + 1;
    }
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'"' | b'`' | b'$') || byte >= 0x80
}

/// Returns which columns are secret, and where the list ends. An item that is no
/// plain name is: what it names is not known.
fn columns(scan: &Scan<'_, '_>, start: usize) -> Option<(Vec<bool>, usize)> {
    let text = scan.text;
    let mut secret = Vec::new();
    let mut at = start;
    loop {
        let name = skip_sign(text, at, b'[');
        let end = text.seek(name, |byte| !is_identifier(byte));
        let behind = skip_sign(text, end, b']');
        // No name has a bracket in it: what opens one is read for itself.
        let sign = text.seek(behind, |byte| matches!(byte, b',' | b'(' | b')' | b';'));
        let is_plain = end > name && sign == behind;
        secret.push(!is_plain || names_a_secret(text.slice(name..end)));
        match text.at(sign)? {
            b')' => return Some((secret, sign + 1)),
            b',' => at = sign + 1,
            _ => return None,
        }
    }
}

/// Steps over blanks and a bracket, in which SQL Server has names.
fn skip_sign(text: &Text<'_>, at: usize, sign: u8) -> usize {
    let at = text.skip_blanks(at);
    if text.at(at) == Some(sign) {
        text.skip_blanks(at + 1)
    } else {
        at
    }
}

/// Marks the secret values of one row; returns where it ends.
fn row(scan: &mut Scan<'_, '_>, start: usize, secret: &[bool]) -> usize {
    let text = scan.text;
    let mut column = 0;
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = text.at(at) {
        let is_secret = secret.get(column) == Some(&true);
        if let Some(found) = value_at(scan, at) {
            if is_secret {
                scan.marks.add(found.inner, "password");
            }
            at = found.next;
            continue;
        }
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth == 0 => return at + 1,
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => column += 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Returns the literal that starts here: a quoted one, or a number.
fn value_at(scan: &Scan<'_, '_>, at: usize) -> Option<literal::Literal> {
    let text = scan.text;
    let is_inside = text.before(at).is_some_and(is_identifier);
    match text.at(at)? {
        b'\'' | b'"' | b'$' => literal::read(text, at, scan.quoting()),
        b'E' | b'e' | b'N' | b'n' | b'U' | b'u' if !is_inside => {
            literal::read(text, at, scan.quoting())
        }
        b'0'..=b'9' if !is_inside => {
            let end = text.seek(at, |byte| !byte.is_ascii_digit());
            Some(literal::Literal {
                inner: at..end,
                next: end,
            })
        }
        _ => None,
    }
}
