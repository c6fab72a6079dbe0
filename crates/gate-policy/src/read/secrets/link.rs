//! What stands between a name and its value.

use std::ops::Range;

use super::text::{Text, is_quote};

/// The longest index of a list.
const INDEX: usize = 12;

/// How a name is tied to what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// `name=`, `name = `, `name:=`, `name =>`.
    Assign,
    /// `name:`.
    Colon,
    /// `<name>`.
    Element,
    /// `name(`.
    Call,
    /// `"--name",`: the next word of a list.
    Item,
    /// Blanks alone.
    Blank,
}

/// What stands between the name and the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Tight,
    Spaced,
    /// The quote of the name, which is closed by that.
    Quoted,
}

/// What follows a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) tie: Tie,
    pub(super) gap: Gap,
    /// Where the sign ends.
    pub(super) end: usize,
}

/// Finds what ties this name to a value.
pub(super) fn find(text: &Text<'_>, name: &Range<usize>) -> Option<Link> {
    text.at(name.end)?;
    let closed = close(text, name.end);
    let sign = text.skip_blanks(closed);
    let gap = if closed > name.end && text.before(closed).is_some_and(is_quote) {
        Gap::Quoted
    } else if sign > closed {
        Gap::Spaced
    } else {
        Gap::Tight
    };
    let link = |tie, end| Some(Link { tie, gap, end });
    match (text.at(sign)?, text.at(sign + 1)) {
        (b'=', Some(b'=' | b'>')) | (b':', Some(b'=')) => link(Tie::Assign, sign + 2),
        (b'=', _) => link(Tie::Assign, sign + 1),
        // A cast of SQL, and a name of C++ and Rust.
        (b':', Some(b':')) => None,
        (b':', _) => link(Tie::Colon, sign + 1),
        (b'(', _) => link(Tie::Call, sign + 1),
        (b',', _) if gap == Gap::Quoted => link(Tie::Item, sign + 1),
        (b'>', _) if text.before(name.start) == Some(b'<') => link(Tie::Element, sign + 1),
        _ if sign > closed => link(Tie::Blank, sign),
        // `PASSWORD'x'` needs no blank in SQL.
        // Nor does a comment need one.
        (b'\'' | b'$', _) | (b'/', Some(b'*')) | (b'-', Some(b'-')) => link(Tie::Blank, sign),
        _ => None,
    }
}

/// Steps over the quote and the bracket that close a name: `password"]`,
/// `password\"`, and over an index: `passwords[0]`.
fn close(text: &Text<'_>, name_end: usize) -> usize {
    if text.at(name_end) == Some(b'[') {
        let index = text.seek_within(name_end + 1, name_end + INDEX, |byte| {
            !(byte.is_ascii_digit() || byte == b'*')
        });
        if text.at(index) == Some(b']') {
            return index + 1;
        }
    }
    let quote = text.seek(name_end, |byte| byte != b'\\');
    let mut end = name_end;
    // A single quote that opens a literal stands behind the name as well:
    // only what is followed by a sign closes one.
    if text.at(quote).is_some_and(is_quote) {
        let behind = text.skip_blanks(quote + 1);
        if matches!(text.at(behind), Some(b':' | b'=' | b',' | b']')) {
            end = quote + 1;
        }
    }
    if text.at(end) == Some(b']') {
        end += 1;
    }
    end
}

/// Steps over blanks and SQL comments.
pub(super) fn skip_comments(text: &Text<'_>, from: usize, memo: &mut CommentEnds) -> usize {
    let mut at = text.skip_blanks(from);
    loop {
        let end = if text.starts(at, b"/*") {
            memo.block(text, at + 2)
        } else if text.starts(at, b"--") {
            memo.line(text, at + 2)
        } else {
            return at;
        };
        match end {
            Some(end) => at = text.skip_blanks(end),
            None => return at,
        }
    }
}

/// Where the next comment ends. It is remembered, so that a text full of
/// comments without an end is not searched again and again.
#[derive(Default)]
pub(super) struct CommentEnds {
    block: Known,
    line: Known,
}

/// What is known of the next end.
#[derive(Clone, Copy, Default)]
enum Known {
    #[default]
    Nothing,
    At(usize),
    Missing,
}

impl CommentEnds {
    fn block(&mut self, text: &Text<'_>, from: usize) -> Option<usize> {
        self.block.next(text, from, b"*/")
    }

    fn line(&mut self, text: &Text<'_>, from: usize) -> Option<usize> {
        self.line.next(text, from, b"\n")
    }
}

impl Known {
    fn next(&mut self, text: &Text<'_>, from: usize, wanted: &[u8]) -> Option<usize> {
        *self = match *self {
            Self::At(end) if end >= from + wanted.len() => Self::At(end),
            Self::At(_) | Self::Nothing => match text.find(from, text.len(), wanted) {
                Some(found) => Self::At(found + wanted.len()),
                None => Self::Missing,
            },
            Self::Missing => Self::Missing,
        };
        match *self {
            Self::At(end) => Some(end),
            Self::Nothing | Self::Missing => None,
        }
    }
}
