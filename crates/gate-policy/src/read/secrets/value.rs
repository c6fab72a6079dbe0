//! The value of a name that is secret: which bytes are masked.
//!
//! A mask that is too long is as bad as one that is too short: it hides from
//! the approver what else the command does. So a mask ends where the reader of
//! the text ends the value, and never covers what a shell would execute.

use std::ops::Range;

use super::bare;
use super::header;
use super::literal::{self, Literal, Quoting};
use super::reference;
use super::scan::{Reading, Scan};
use super::text::is_name_byte;
use super::yaml;

/// How a value is tied to its name.
#[derive(Clone, Debug)]
pub(super) struct How {
    /// Where the name starts.
    pub(super) key: usize,
    pub(super) extent: Extent,
    pub(super) name: NameKind,
}

/// How far a value without quotes can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// To the next blank; it starts directly behind the sign.
    Word,
    /// To the next blank, and blanks may stand in front of it.
    SpacedWord,
    /// To the end of the line, as behind a colon.
    Line,
}

/// What else the name says of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    Plain,
    /// It is as often the name of a file.
    MayBeFile,
    /// A scheme may stand in front of the credential.
    Header,
    /// It stands in the query of a URI.
    Query,
    /// It is an element of XML.
    Element,
}

/// Marks the value that starts at `at`. Returns where reading goes on, or
/// nothing when there is no secret.
pub(super) fn read(scan: &mut Scan<'_, '_>, at: usize, how: &How) -> Option<usize> {
    let text = scan.text;
    if is_block(scan, how) {
        let line = text.seek(at, |byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        if let Some(range) = yaml::scalar_below(text, how.key, line) {
            let end = range.end;
            scan.marks.add(range, "password");
            return Some(end);
        }
        if text.at(line) == Some(b'\n') {
            return None;
        }
    }
    // `PASSWORD= cmd` gives a shell nothing, and runs the command.
    let start = if how.extent == Extent::Word && scan.is_shell() {
        at
    } else {
        skip_escaped_blanks(scan, at)
    };
    let first = text.at(start)?;
    if Some(first) == scan.quote {
        return doubled(scan, start);
    }
    // In a block of YAML a backslash escapes nothing in single quotes.
    let quoting = match scan.quoting() {
        Quoting::Either if is_block(scan, how) => Quoting::Doubled,
        quoting @ (Quoting::Either | Quoting::Doubled | Quoting::Never) => quoting,
    };
    if let Some(literal) = literal::read(text, start, quoting) {
        return quoted(scan, literal, how);
    }
    match first {
        b'[' => list(scan, start + 1, how),
        b'{' => braces(scan, start, how),
        _ => unquoted(scan, start, how),
    }
}

/// Tells whether a value can go on over lines, as in a block of YAML.
fn is_block(scan: &Scan<'_, '_>, how: &How) -> bool {
    how.extent == Extent::Line && scan.open == 0 && scan.quote.is_none()
}

fn skip_escaped_blanks(scan: &Scan<'_, '_>, at: usize) -> usize {
    let start = scan.text.skip_blanks(at);
    // `"password":\n"V"` inside a JSON string.
    if scan.text.starts(start, b"\\n") {
        return scan.text.skip_blanks(start + 2);
    }
    start
}

/// A value in the doubled quotes of the string around it: `'password=''V'''`.
fn doubled(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if scan.quote != Some(b'\'') || !scan.text.starts(start, b"''") {
        return None;
    }
    let from = start + 2;
    let end = scan.text.find(from, scan.text.len(), b"''")?;
    scan.marks.add(from..end, "password");
    Some(end + 2)
}

fn quoted(scan: &mut Scan<'_, '_>, found: Literal, how: &How) -> Option<usize> {
    let text = scan.text;
    let mut range = found.inner;
    let mut next = found.next;
    let is_single = text.before(range.start) == Some(b'\'');
    // A shell, and a careless writer of settings, goes on behind the quote.
    let goes_on = scan.setting.reading != Reading::Sql
        && how.extent != Extent::Line
        && text
            .at(next)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'\'' | b'"'))
        && text.at(next) != scan.quote;
    if goes_on {
        next = bare::end(scan, next, how);
        range.end = next;
    }
    if how.name == NameKind::Header {
        range.start = header::behind_scheme(text, range.start, range.end);
    }
    accept(scan, range, how, is_single)?;
    Some(next)
}

fn unquoted(scan: &mut Scan<'_, '_>, start: usize, how: &How) -> Option<usize> {
    let text = scan.text;
    if let Some(argument) = argument(scan, start) {
        let literal = literal::read(text, argument, scan.quoting())?;
        return quoted(scan, literal, how);
    }
    let from = if how.name == NameKind::Header {
        header::behind_scheme(text, start, text.len())
    } else {
        start
    };
    let is_elsewhere = reference::starts(text, from, scan.setting.reading)
        || (how.extent == Extent::SpacedWord && reference::starts_a_resource(text, from))
        || (how.name == NameKind::MayBeFile && reference::starts_a_path(text.rest(from)));
    if is_elsewhere {
        return None;
    }
    let mut end = bare::end(scan, from, how);
    if is_block(scan, how)
        && scan.setting.reading == Reading::Word
        && let Some(below) = yaml::continuation(text, how.key, end)
    {
        end = below.end;
    }
    let trimmed = text.slice(from..end).trim_ascii_end().len();
    accept(scan, from..from + trimmed, how, false)?;
    Some(end)
}

/// `crypt('V', gen_salt('bf'))`: returns where the literal of a call starts.
fn argument(scan: &Scan<'_, '_>, start: usize) -> Option<usize> {
    let text = scan.text;
    let name_end = text.seek_within(start, start + 64, |byte| {
        !(byte.is_ascii_alphanumeric() || byte == b'_')
    });
    let is_call = name_end > start
        && text.at(name_end) == Some(b'(')
        && matches!(text.at(name_end + 1), Some(b'\'' | b'"'));
    is_call.then_some(name_end + 1)
}

/// Marks the range, unless it stands for something that is no secret.
fn accept(scan: &mut Scan<'_, '_>, range: Range<usize>, how: &How, is_single: bool) -> Option<()> {
    let mut range = range;
    if !is_single || scan.quote == Some(b'"') {
        range.end = scan.executed_part(range.clone());
    }
    let value = scan.text.slice(range.clone());
    if value.is_empty()
        || reference::is_no_secret(value, scan.setting.reading)
        || (how.name == NameKind::MayBeFile && reference::is_file(value))
    {
        return None;
    }
    let kind = if how.name == NameKind::Header {
        "authorization"
    } else {
        "password"
    };
    scan.marks.add(range, kind);
    Some(())
}

/// The plain values of a list: `["V", "W"]`, `[V, W]`. One that holds objects is
/// read by their own names.
fn list(scan: &mut Scan<'_, '_>, start: usize, how: &How) -> Option<usize> {
    let text = scan.text;
    let mut at = start;
    let mut found = None;
    loop {
        at = text.seek(at, |byte| !(byte.is_ascii_whitespace() || byte == b','));
        if matches!(text.at(at), None | Some(b']' | b'{' | b'[')) {
            return found;
        }
        if let Some(literal) = literal::read(text, at, scan.quoting()) {
            accept(scan, literal.inner, how, false);
            at = literal.next;
        } else {
            let end = text.seek(at, |byte| {
                byte.is_ascii_whitespace()
                    || matches!(
                        byte,
                        b',' | b']' | b':' | b'=' | b'"' | b'\'' | b'\\' | b'{'
                    )
            });
            let is_scalar = matches!(text.at(end), None | Some(b',' | b']' | b' ' | b'\n'));
            if !is_scalar || reference::starts(text, at, scan.setting.reading) {
                return found;
            }
            accept(scan, at..end, how, false);
            at = end;
        }
        found = Some(at);
    }
}

/// Helm's `{V,W}`, or a value that starts with a brace. An object is read by its
/// own names.
fn braces(scan: &mut Scan<'_, '_>, start: usize, how: &How) -> Option<usize> {
    let text = scan.text;
    if how.extent == Extent::Line || reference::starts(text, start, scan.setting.reading) {
        return None;
    }
    let end = text.seek(start + 1, |byte| {
        matches!(byte, b'}' | b'=' | b':' | b'"' | b'\'' | b'{' | b'$')
    });
    let is_list = text.at(end) == Some(b'}') && !text.at(end + 1).is_some_and(is_name_byte);
    if is_list {
        scan.marks.add(start + 1..end, "password");
        return Some(end);
    }
    let is_object = text.at(end).is_some_and(|byte| byte != b'}');
    if is_object {
        return None;
    }
    unquoted(scan, start, how)
}
