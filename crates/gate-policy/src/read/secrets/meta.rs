//! psql's backslash commands that take a secret, or hand a program one.
//!
//! Source: psql(1), "Meta-Commands".

use std::ops::Range;

use super::marks::Marks;
use super::nested::{self, DEEPEST};
use super::pieces;
use super::reference::is_no_secret;
use super::scan::{Reading, Setting};
use super::text::Text;
use super::tokens::{Kind, Token, Tokens};
use crate::read::secret_names::names_a_secret;

/// The longest name of a command that matters here.
const NAME: usize = 8;

/// Marks the secrets of the backslash commands in a text.
pub(super) fn find(text: &Text<'_>, tokens: &Tokens, setting: &Setting<'_>, marks: &mut Marks) {
    if setting.reading != Reading::Sql || setting.nest >= DEEPEST {
        return;
    }
    let is_backslash = |token: &&Token| token.kind == Kind::Sign(b'\\');
    let mut backslashes = tokens
        .all
        .iter()
        .filter(is_backslash)
        .map(|token| token.range.start)
        .peekable();
    let names_one = || {
        let mut words = tokens.all.iter().filter(|token| token.kind == Kind::Word);
        words.any(|word| names_a_secret(text.slice(word.range.clone())))
    };
    let speaks = backslashes.peek().is_some() && names_one();
    let mut line_end = 0;
    let mut done = 0;
    while let Some(start) = backslashes.next() {
        if start < done {
            continue;
        }
        if start >= line_end {
            line_end = text.seek(start, |byte| byte == b'\n');
        }
        let next = backslashes.peek().copied().unwrap_or(line_end);
        let command = Command {
            text,
            name: start + 1..start + 1 + NAME,
            end: next.min(line_end),
            line_end,
        };
        if command.read(speaks, setting, marks) {
            done = line_end;
        }
    }
}

/// One command behind its backslash.
struct Command<'c, 't> {
    text: &'c Text<'t>,
    /// Where its name stands, at most.
    name: Range<usize>,
    /// Where the next command starts.
    end: usize,
    line_end: usize,
}

impl Command<'_, '_> {
    /// Reads it; tells whether it has taken all of its line. `speaks` tells that
    /// a statement beside it names a secret.
    fn read(&self, speaks: bool, setting: &Setting<'_>, marks: &mut Marks) -> bool {
        let text = self.text;
        let limit = self.name.end.min(self.line_end);
        let name_end = text.seek_within(self.name.start, limit, |byte| {
            byte.is_ascii_whitespace() || byte == b'\\'
        });
        let name = text.slice(self.name.start..name_end);
        if name.starts_with(b"!") {
            let program = self.name.start + 1..self.line_end;
            nested::plain(text, program, Reading::Shell, setting, marks);
            return true;
        }
        match name {
            b"set" | b"setenv" => self.set(name_end, marks),
            b"bind" if speaks => {
                self.mark(&pieces::split(self.arguments(name_end)), name_end, marks);
            }
            _ => {}
        }
        let is_program = |byte: u8| match name {
            b"g" | b"gx" | b"o" | b"out" | b"w" | b"write" => matches!(byte, b'|' | b'`'),
            _ => byte == b'`',
        };
        let program = text.seek_within(name_end, self.end, is_program);
        if program >= self.end {
            return false;
        }
        let program = program + 1..self.line_end;
        nested::plain(text, program, Reading::Shell, setting, marks);
        true
    }

    fn arguments(&self, start: usize) -> &[u8] {
        self.text.slice(start..self.end.max(start))
    }

    /// `\set password V W`: everything behind the name is joined to one value.
    fn set(&self, start: usize, marks: &mut Marks) {
        let arguments = self.arguments(start);
        let words = pieces::split(arguments);
        if let [name, values @ ..] = words.as_slice()
            && names_a_secret(arguments.get(name.clone()).unwrap_or_default())
        {
            self.mark(values, start, marks);
        }
    }

    fn mark(&self, values: &[Range<usize>], start: usize, marks: &mut Marks) {
        let arguments = self.arguments(start);
        for value in values {
            let bare = pieces::bare(arguments, value.clone());
            let word = arguments.get(bare.clone()).unwrap_or_default();
            if !is_no_secret(word, Reading::Sql) && !word.contains(&b'`') {
                marks.add(start + bare.start..start + bare.end, "password");
            }
        }
    }
}
