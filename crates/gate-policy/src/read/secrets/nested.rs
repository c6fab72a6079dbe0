//! Code in a string of a statement: what `EXECUTE` is handed, the body of a
//! function, the program of a `COPY`. It is read with its quotes undone, and
//! what is found is masked where it stands.

use std::ops::Range;

use super::looks;
use super::marks::Marks;
use super::scan::{Reading, Setting};
use super::text::Text;
use super::tokens::{Kind, Token, Tokens};

/// How deep strings in strings are read.
pub(super) const DEEPEST: usize = 3;
/// The shortest string that can hold a name and its value.
const SHORTEST: usize = 8;

/// Searches the comments, bodies and strings of a text as texts of their own.
pub(super) fn search(text: &Text<'_>, tokens: &Tokens, setting: &Setting<'_>, marks: &mut Marks) {
    if setting.nest >= DEEPEST {
        return;
    }
    for comment in &tokens.comments {
        // Without the signs around it, or it would be a comment again.
        let range = comment.start + 2..comment.end;
        plain(text, range, Reading::Word, setting, marks);
    }
    let mut before: Option<&Token> = None;
    for token in &tokens.all {
        let is_program = before.is_some_and(|before| {
            before.kind == Kind::Word
                && text
                    .slice(before.range.clone())
                    .eq_ignore_ascii_case(b"program")
        });
        match token.kind {
            Kind::String if is_program => {
                unquoted(text, token.range.clone(), Reading::Shell, setting, marks);
            }
            Kind::Body if is_program => {
                plain(text, token.range.clone(), Reading::Shell, setting, marks);
            }
            Kind::Body => plain(text, token.range.clone(), setting.reading, setting, marks),
            Kind::String if is_code(text.slice(token.range.clone())) => {
                unquoted(text, token.range.clone(), setting.reading, setting, marks);
            }
            Kind::String | Kind::Word | Kind::Number | Kind::Sign(_) => {}
        }
        before = Some(token);
    }
}

/// Tells whether a string holds strings itself.
fn is_code(inner: &[u8]) -> bool {
    inner.len() >= SHORTEST
        && inner
            .iter()
            .any(|byte| matches!(byte, b'\'' | b'\\' | b'$'))
}

/// Searches a stretch of the text as it stands.
pub(super) fn plain(
    text: &Text<'_>,
    range: Range<usize>,
    reading: Reading,
    setting: &Setting<'_>,
    marks: &mut Marks,
) {
    let inner = text.slice(range.clone());
    let mut found = Marks::default();
    super::search(inner, &deeper(setting, reading), &mut found);
    marks.take_from(found, range.start);
}

/// Searches what a string stands for.
fn unquoted(
    text: &Text<'_>,
    range: Range<usize>,
    reading: Reading,
    setting: &Setting<'_>,
    marks: &mut Marks,
) {
    let (inner, places) = undo_quotes(text.slice(range.clone()));
    let mut found = Marks::default();
    super::search(&inner, &deeper(setting, reading), &mut found);
    looks::add(inner.len());
    for mark in found.merged() {
        let place = |at: usize| places.get(at).copied().unwrap_or(range.len());
        let (start, end) = (place(mark.range.start), place(mark.range.end));
        marks.add(range.start + start..range.start + end, mark.kind);
    }
}

fn deeper<'n>(setting: &Setting<'n>, reading: Reading) -> Setting<'n> {
    Setting {
        reading: if reading == Reading::Prose {
            Reading::Word
        } else {
            reading
        },
        nest: setting.nest + 1,
        ..*setting
    }
}

/// Returns the bytes that a string stands for, and where each of them stands.
fn undo_quotes(inner: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut places = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(byte) = inner.get(at) {
        let behind = inner.get(at + 1);
        let is_doubled = *byte == b'\'' && behind == Some(&b'\'');
        let is_escaped = *byte == b'\\' && matches!(behind, Some(b'\'' | b'\\' | b'"'));
        let shown = if is_escaped { at + 1 } else { at };
        bytes.push(inner.get(shown).copied().unwrap_or_default());
        places.push(at);
        at += if is_doubled || is_escaped { 2 } else { 1 };
    }
    (bytes, places)
}

#[cfg(test)]
mod tests {
    use super::undo_quotes;

    #[test]
    fn quotes_are_undone_and_each_byte_keeps_its_place() {
        let (bytes, places) = undo_quotes(b"a''b\\'c\\");
        assert_eq!(bytes, b"a'b'c\\");
        assert_eq!(places, [0, 1, 3, 4, 6, 7]);
    }
}
