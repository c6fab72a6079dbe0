//! The text of a script and how far it is read.
//!
//! The grammar is POSIX's with what bash, ksh and zsh have in common, and
//! nothing else: what is not in it is a [`Problem`], and the script is then not
//! understood. The depth is bounded, and no text is read twice but that between
//! backquotes, which gets shorter each time.

use super::syntax::{List, Word};

/// Why a script is not understood.
pub(super) type Problem = &'static str;

/// How deep commands stand in commands. A deeper script is one that nobody
/// writes by hand; the stack of a small thread holds so many.
const MAX_DEPTH: u8 = 20;

/// The grammar that a shell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `sh` in all its kinds: what bash adds may or may not be there.
    Posix,
    /// bash.
    Bash,
    /// zsh and ksh: as bash, but that a word can start with `=`, that values
    /// need not be split, and that more commands calculate.
    Zsh,
}

/// A script with the texts of its here-documents.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) list: List,
    pub(super) here: Vec<Word>,
}

/// A here-document whose text comes behind the next line end.
pub(super) struct Pending {
    pub(super) index: usize,
    pub(super) end: Vec<u8>,
    pub(super) is_literal: bool,
    pub(super) strips_tabs: bool,
}

/// The lines of a here-document whose ends are taken back.
#[derive(Default)]
struct Joined {
    /// The text before this line that it goes on with; nothing where it starts anew.
    before: Option<Vec<u8>>,
    has_some: bool,
}

impl Joined {
    /// Tells whether shells may not agree that the text ends in this line, or
    /// that it does not.
    fn is_in_doubt(&self, line: &[u8], pending: &Pending) -> bool {
        self.before.as_ref().is_some_and(|before| {
            let whole = [before, line].concat();
            pending.strips_tabs || line == pending.end || whole == pending.end
        })
    }

    fn take(&mut self, line: &[u8]) {
        let slashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
        let before = self.before.take().unwrap_or_default();
        if slashes % 2 == 1 {
            let part = line.get(..line.len() - 1).unwrap_or_default();
            self.before = Some([&before, part].concat());
            self.has_some = true;
        }
    }
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    pub(super) pending: Vec<Pending>,
    pub(super) here: Vec<Word>,
    /// Whether a place in this text is one in the script as it is written.
    pub(super) is_as_written: bool,
    pub(super) depth: u8,
}

/// Reads a script.
pub(super) fn parse(text: &[u8], dialect: Dialect) -> Result<Script, Problem> {
    parse_at(text, dialect, None)
}

/// Reads a script, or one that stands so deep in another one and was not
/// written so.
pub(super) fn parse_at(
    text: &[u8],
    dialect: Dialect,
    depth: Option<u8>,
) -> Result<Script, Problem> {
    let mut parser = Parser {
        text,
        at: 0,
        dialect,
        pending: Vec::new(),
        here: Vec::new(),
        is_as_written: depth.is_none(),
        depth: depth.unwrap_or_default(),
    };
    if text.contains(&0) {
        return Err("a script with a zero byte is not understood");
    }
    let list = parser.list()?;
    if parser.peek().is_some() {
        return Err("something stands where no command ends");
    }
    if !parser.pending.is_empty() {
        return Err("a here-document has no text");
    }
    Ok(Script {
        list,
        here: parser.here,
    })
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    pub(super) fn starts_with(&self, bytes: &[u8]) -> bool {
        self.text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(bytes))
    }

    /// Takes these bytes if they come next.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.starts_with(bytes);
        if is_next {
            self.at += bytes.len();
        }
        is_next
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Reads something one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.depth >= MAX_DEPTH {
            return Err("commands stand deeper in commands than gate reads");
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Skips blanks, comments and line ends behind a backslash.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => {
                    let Some(length) = self.continuation() else {
                        return;
                    };
                    self.at += length;
                }
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Returns the length of the line ends behind backslashes that come next,
    /// where what stands before them and what stands behind them can't be one
    /// sign or one word without them. Where they can, they are left, and no
    /// word begins with them.
    fn continuation(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        let rest = self.text.get(self.at..).unwrap_or_default();
        let pairs = rest.chunks_exact(2).take_while(|pair| pair == b"\\\n");
        let length = 2 * pairs.count();
        let behind = rest.get(length);
        let is_apart = matches!(behind, None | Some(b' ' | b'\t' | b'\n'))
            || match before {
                None | Some(b' ' | b'\t' | b'\n') => true,
                Some(b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>') => !matches!(
                    behind,
                    Some(b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' | b'-' | b'\\')
                ),
                Some(_) => false,
            };
        is_apart.then_some(length)
    }

    /// Skips blanks and line ends.
    pub(super) fn skip_lines(&mut self) -> Result<(), Problem> {
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.take_line_end()?;
        }
    }

    /// Takes a line end and the texts of the here-documents behind it.
    pub(super) fn take_line_end(&mut self) -> Result<(), Problem> {
        self.at += 1;
        for pending in std::mem::take(&mut self.pending) {
            self.here_document(&pending)?;
        }
        Ok(())
    }

    fn here_document(&mut self, pending: &Pending) -> Result<(), Problem> {
        let mut body = Vec::new();
        let mut joined = Joined::default();
        loop {
            if self.at >= self.text.len() {
                return Err("a here-document has no end");
            }
            let rest = self.text.get(self.at..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'\n');
            let mut line = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
            self.at += length.map_or(rest.len(), |length| length + 1);
            if pending.strips_tabs {
                let tabs = line.iter().take_while(|byte| **byte == b'\t').count();
                line = line.get(tabs..).unwrap_or_default();
            }
            if joined.is_in_doubt(line, pending) {
                return Err("a line of a here-document ends in a backslash");
            }
            if line == pending.end {
                break;
            }
            if !pending.is_literal {
                joined.take(line);
            }
            body.extend_from_slice(line);
            body.push(b'\n');
        }
        // Whether quotes in a command keep such a line end depends on the shell.
        if joined.has_some && body.iter().any(|byte| matches!(byte, b'$' | b'`')) {
            return Err("a line of a here-document ends in a backslash");
        }
        let word = self.here_text(&body, pending.is_literal)?;
        if let Some(slot) = self.here.get_mut(pending.index) {
            *slot = word;
        }
        Ok(())
    }

    /// Returns the word that ends at the next delimiter, where nothing in it
    /// is quoted or expanded.
    pub(super) fn plain_word(&self) -> &[u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_plain(*byte));
        let length = length.unwrap_or(rest.len());
        match rest.get(length) {
            None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>') => {
                rest.get(..length).unwrap_or_default()
            }
            Some(_) => b"",
        }
    }

    /// Takes a reserved word if it comes next.
    pub(super) fn take_reserved(&mut self, word: &[u8]) -> bool {
        let is_next = self.plain_word() == word;
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// Takes a reserved word that must come next.
    pub(super) fn expect_reserved(&mut self, word: &[u8], problem: Problem) -> Result<(), Problem> {
        self.skip_lines()?;
        if self.take_reserved(word) {
            Ok(())
        } else {
            Err(problem)
        }
    }
}

fn is_plain(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\t'
            | b'\n'
            | b';'
            | b'&'
            | b'|'
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'"'
            | b'\''
            | b'`'
            | b'$'
            | b'\\'
    )
}
