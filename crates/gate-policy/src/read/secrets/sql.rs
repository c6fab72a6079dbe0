//! Passwords in SQL: where the language puts a literal behind a keyword.
//!
//! Source: `PostgreSQL`, CREATE ROLE, CREATE USER MAPPING; `MySQL`, CREATE USER,
//! SET PASSWORD; SQL Server, CREATE LOGIN.

use std::ops::Range;

use super::header;
use super::insert;
use super::link;
use super::literal;
use super::reference;
use super::scan::{Reading, Scan};
use crate::read::secret_names::names_a_secret;

/// What the statement is about, as far as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Statement {
    #[default]
    Any,
    /// `IDENTIFIED …`: a literal behind `BY`, `AS` or `REPLACE` is a secret.
    Identified,
    /// `SET PASSWORD FOR …`: a literal behind `=` or `TO` is one.
    SetPassword,
    /// `ATTACH …` of an encrypted `SQLite`: a literal behind `KEY` is one.
    Attached,
}

/// Tells whether a function takes a password in clear.
pub(super) fn is_password_function(name: &[u8]) -> bool {
    [&b"crypt"[..], b"password", b"old_password"]
        .iter()
        .any(|function| name.eq_ignore_ascii_case(function))
}

/// Tells whether a pragma sets the key of an encrypted `SQLite`.
pub(super) fn is_key_pragma(before: &[u8], name: &[u8]) -> bool {
    let name = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    let keys: [&[u8]; 6] = [
        b"key",
        b"rekey",
        b"hexkey",
        b"hexrekey",
        b"textkey",
        b"textrekey",
    ];
    before.eq_ignore_ascii_case(b"pragma") && keys.iter().any(|key| name.eq_ignore_ascii_case(key))
}

/// Reads a word with blanks behind it; `before` is the word in front of it.
pub(super) fn read_word(
    scan: &mut Scan<'_, '_>,
    run: &Range<usize>,
    before: &Range<usize>,
    name: &[u8],
    end: usize,
) -> Option<usize> {
    let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
    if is(b"identified") {
        scan.statement = Statement::Identified;
        return None;
    }
    if is(b"attach") {
        scan.statement = Statement::Attached;
        return None;
    }
    let follows_password = scan
        .text
        .slice(before.clone())
        .eq_ignore_ascii_case(b"password");
    if is(b"for") && follows_password {
        scan.statement = Statement::SetPassword;
        return None;
    }
    let is_spaced = end > run.end;
    if is_spaced && is(b"into") {
        return insert::read(scan, end);
    }
    if is_spaced && (is(b"basic") || is(b"bearer")) {
        return header::read_scheme(scan, name, end);
    }
    let is_keyword = match scan.statement {
        Statement::Any => false,
        Statement::Identified => is(b"by") || is(b"as") || is(b"replace"),
        Statement::SetPassword => is(b"to"),
        Statement::Attached => is(b"key"),
    };
    let is_named = || {
        let verb = scan.text.slice(before.clone());
        let is_option = matches!(scan.text.before(prior(scan, run.start)), Some(b'(' | b','))
            || verb.eq_ignore_ascii_case(b"add")
            || verb.eq_ignore_ascii_case(b"set");
        is(b"password") || is(b"passwd") || (is_option && names_a_secret(name))
    };
    (is_keyword || is_named())
        .then(|| literal(scan, end))
        .flatten()
}

fn prior(scan: &Scan<'_, '_>, start: usize) -> usize {
    scan.text
        .seek_back(start, |byte| !byte.is_ascii_whitespace())
}

/// Marks the literal that stands here, behind blanks and comments.
pub(super) fn literal(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if scan.setting.reading == Reading::Prose {
        return None;
    }
    let start = link::skip_comments(scan.text, at, &mut scan.comments);
    let start = behind_character_set(scan, start);
    let first = scan.text.at(start)?;
    if !matches!(
        first,
        b'\'' | b'"' | b'$' | b'E' | b'e' | b'N' | b'n' | b'U' | b'u'
    ) {
        return None;
    }
    // The string around it ends here: `'… password'`.
    if Some(first) == scan.quote {
        return opened_in_a_comment(scan, start);
    }
    let literal = literal::read(scan.text, start, scan.quoting())?;
    let inner = scan.text.slice(literal.inner.clone());
    // A shell fills `'$PASSWORD'` in when double quotes stand around it.
    if scan.is_executed() && reference::is_no_secret(inner, scan.setting.reading) {
        return None;
    }
    scan.marks.add(literal.inner, "password");
    Some(literal.next)
}

/// `_utf8'V'` of `MySQL`: returns where the literal starts.
fn behind_character_set(scan: &Scan<'_, '_>, at: usize) -> usize {
    if scan.text.at(at) != Some(b'_') {
        return at;
    }
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = scan.text.seek(at, |byte| !is_of_name(byte));
    scan.text.skip_blanks(end)
}

/// `/* ' */ password 'V'` where it is not known that a database reads it: what
/// seems to stand behind a string is one word, and nothing but a string is so.
fn opened_in_a_comment(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if scan.setting.reading != Reading::Word {
        return None;
    }
    let text = scan.text;
    let end = text.seek(start + 1, |byte| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'\'' | b'"' | b',' | b':' | b'}' | b']' | b'=')
    });
    let is_word = end > start + 1 && text.at(end) == text.at(start);
    is_word.then(|| {
        scan.marks.add(start + 1..end, "password");
        end + 1
    })
}
