//! Commands inside a word: what a shell is handed, and lists of commands in
//! JSON. Their words are read one after the other, as those of argv are.

use std::ops::Range;

use super::marks::Marks;
use super::nested;
use super::pieces;
use super::piped::Piped;
use super::scan::{self, Reading, Setting};
use super::sequence::Sequence;

/// How deep strings in strings are read.
const DEEPEST: usize = 3;

/// Searches the words of a text that has several.
pub(super) fn search(text: &[u8], setting: &Setting<'_>, marks: &mut Marks) {
    search_in(text, 0..text.len(), 0, setting, marks);
}

fn search_in(
    text: &[u8],
    within: Range<usize>,
    depth: usize,
    setting: &Setting<'_>,
    marks: &mut Marks,
) {
    let inner = text.get(within.clone()).unwrap_or_default();
    if depth == 0 && inner.contains(&b'[') {
        list(inner, setting, marks);
    }
    if !inner.iter().any(u8::is_ascii_whitespace) {
        return;
    }
    if setting.reading != Reading::Shell {
        pipe(text, &within, marks);
    }
    let words = if setting.reading == Reading::Prose {
        pieces::of_prose(inner)
    } else {
        pieces::split(inner)
    };
    let mut sequence = Sequence::of_text(setting.reading);
    let mut piped = Piped::default();
    let mut previous: &[u8] = b"";
    for word in words {
        if setting.reading == Reading::Shell {
            piped.read(inner, word.clone(), within.start, marks);
        }
        let at = within.start + word.start..within.start + word.end;
        let text_of_word = text.get(at.clone()).unwrap_or_default();
        let mut found = Marks::default();
        sequence.read(text_of_word, false, &mut found);
        marks.take_from(found, at.start);
        let reading = sequence.reading(previous, text_of_word, b"");
        previous = text_of_word;
        if depth >= DEEPEST {
            continue;
        }
        for string in pieces::strings(text, at) {
            pipe(text, &string, marks);
            match reading {
                Reading::Sql | Reading::MySql => statement(text, &string, reading, setting, marks),
                Reading::Word | Reading::Shell | Reading::Prose => {
                    search_in(text, string, depth + 1, setting, marks);
                }
            }
        }
    }
}

/// A line for a shell in a string of something else: a document, a list of arguments.
fn pipe(text: &[u8], string: &Range<usize>, marks: &mut Marks) {
    let inner = text.get(string.clone()).unwrap_or_default();
    if !inner.contains(&b'|') {
        return;
    }
    let mut piped = Piped::default();
    for word in pieces::split(inner) {
        piped.read(inner, word, string.start, marks);
    }
}

/// The words of a command as a list of strings: `["mysql","-pV"]`.
fn list(text: &[u8], setting: &Setting<'_>, marks: &mut Marks) {
    let mut sequence = Sequence::of_text(setting.reading);
    let mut open: Option<(u8, usize)> = None;
    for (at, byte) in text.iter().copied().enumerate() {
        match (open, byte) {
            (None, b'[' | b']') => sequence = Sequence::of_text(setting.reading),
            (None, b'"' | b'\'') => open = Some((byte, at + 1)),
            (Some((quote, start)), _) if byte == quote => {
                open = None;
                let word = text.get(start..at).unwrap_or_default();
                // `\"` of the string in which the list stands.
                let word = word.strip_suffix(b"\\").unwrap_or(word);
                let mut found = Marks::default();
                sequence.read(word, false, &mut found);
                marks.take_from(found, start);
            }
            _ => {}
        }
    }
}

/// Searches what a client of a database is handed in a string.
fn statement(
    text: &[u8],
    string: &Range<usize>,
    reading: Reading,
    setting: &Setting<'_>,
    marks: &mut Marks,
) {
    if setting.nest >= nested::DEEPEST {
        return;
    }
    let setting = Setting {
        reading,
        nest: setting.nest + 1,
        ..*setting
    };
    let inner = text.get(string.clone()).unwrap_or_default();
    marks.take_from(scan::read(inner, &setting), string.start);
}
