//! Splits a psql script into SQL and backslash commands, as psql's own scanner
//! does (`psqlscan.l`), and puts the values of variables in.
//!
//! psql and the server read the same words, so that the server's scanner takes
//! them here too. What the two could read differently is refused.

use std::borrow::Cow;

use super::grammar::Lexer;
use super::variables::Variables;

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Statements between backslash commands.
    Sql {
        /// As the script has them.
        shown: &'t str,
        /// As the server gets them.
        sent: Cow<'t, str>,
    },
    /// One backslash command without the backslash.
    Meta(&'t str),
}

/// Commands that end the statement before them and hand it over.
const ENDING: &[&str] = &[
    "crosstabview",
    "g",
    "gdesc",
    "gexec",
    "gset",
    "gx",
    "r",
    "reset",
    "watch",
];

/// Commands that can stand in the middle of a statement and leave it alone.
const PASSING: &[&str] = &["echo", "p", "print", "pset", "qecho", "timing", "warn", "x"];

/// Takes one piece after the other; variables can change between them.
pub(super) struct Script<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Script<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns what was not read, for whoever has to show it.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Returns the next piece, or why it can't be told.
    pub(super) fn next(
        &mut self,
        variables: &Variables,
    ) -> Option<Result<Piece<'t>, &'static str>> {
        let mut buffer = Buffer {
            start: self.at,
            copied: self.at,
            sent: String::new(),
            is_open: false,
        };
        let mut at = self.at;
        let end = loop {
            let mut lexer = Lexer::starting_at(self.text, at);
            if let Err(problem) = lexer.skip_blanks() {
                return Some(Err(problem.what));
            }
            at = lexer.position();
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let stepped = match rest {
                [] => break at,
                [b'\\', b';', ..] => Ok(buffer.put(self.text, at, at + 2, ";")),
                [b'\\', b':', ..] => Ok(buffer.put(self.text, at, at + 2, ":")),
                [b'\\', ..] if buffer.is_open || buffer.has_text(self.text, at) => {
                    match self.meta_behind(at, &mut buffer) {
                        Ok(Some(next)) => Ok(next),
                        Ok(None) => break at,
                        Err(problem) => Err(problem),
                    }
                }
                [b'\\', ..] => {
                    self.at = at + 1 + line_length(rest.get(1..).unwrap_or_default());
                    return Some(Ok(Piece::Meta(self.text.get(at + 1..self.at)?)));
                }
                [b':', b':' | b'=', ..] => Ok(at + 2),
                [b':', ..] => variables.put(self.text, at, &mut buffer),
                _ => match lexer.next() {
                    Ok(_) => Ok(lexer.position()),
                    Err(problem) => Err(problem.what),
                },
            };
            match stepped {
                Ok(next) => at = next,
                Err(problem) => return Some(Err(problem)),
            }
            buffer.is_open = rest.first() != Some(&b';');
        };
        self.finish(buffer, end)
    }

    fn finish(&mut self, buffer: Buffer, end: usize) -> Option<Result<Piece<'t>, &'static str>> {
        self.at = end;
        let shown = self.text.get(buffer.start..end)?;
        if shown.trim().is_empty() {
            return None;
        }
        let sent = if buffer.copied == buffer.start {
            Cow::Borrowed(shown)
        } else {
            let rest = self.text.get(buffer.copied..end)?;
            Cow::Owned(buffer.sent + rest)
        };
        Some(Ok(Piece::Sql { shown, sent }))
    }

    /// Looks at a backslash command behind SQL. Nothing where it begins a piece
    /// of its own; else the place behind it, where it stands in the statement.
    fn meta_behind(&self, at: usize, buffer: &mut Buffer) -> Result<Option<usize>, &'static str> {
        if !buffer.is_open {
            return Ok(None);
        }
        let command = self.text.get(at + 1..).unwrap_or_default();
        let length = line_length(command.as_bytes());
        let command = command.get(..length).unwrap_or_default();
        let name = command
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        if ENDING.contains(&name) {
            return Ok(None);
        }
        if PASSING.contains(&name)
            && !command.contains(['`', ':'])
            && !command.get(1..).is_some_and(|rest| rest.contains('\\'))
        {
            return Ok(Some(buffer.put(self.text, at, at + 1 + length, " ")));
        }
        Err("a backslash stands inside a statement")
    }
}

/// The statement that is being gathered.
pub(super) struct Buffer {
    start: usize,
    /// How much of the text was copied into `sent`.
    copied: usize,
    sent: String,
    /// Whether a statement has begun that no `;` has ended.
    is_open: bool,
}

impl Buffer {
    /// Puts something in the place of a stretch of the text, and returns the
    /// place behind it.
    pub(super) fn put(&mut self, text: &str, from: usize, to: usize, value: &str) -> usize {
        self.sent
            .push_str(text.get(self.copied..from).unwrap_or_default());
        self.sent.push_str(value);
        self.copied = to;
        to
    }

    fn has_text(&self, text: &str, at: usize) -> bool {
        let before = text.get(self.start..at).unwrap_or_default();
        !before.trim().is_empty()
    }
}

fn line_length(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, &'static str> {
        let mut known = Variables::default();
        for (name, value) in variables {
            known.set(name, value);
        }
        let mut script = Script::new(text);
        let mut found = Vec::new();
        while let Some(piece) = script.next(&known) {
            found.push(match piece? {
                Piece::Sql { sent, .. } => sent.trim().to_owned(),
                Piece::Meta(command) => format!("\\{command}"),
            });
        }
        Ok(found)
    }

    #[test]
    fn a_script_is_split_at_backslash_commands() {
        for (text, pieces) in [
            (
                "select 1;\n\\d t\nselect 2;",
                &["select 1;", "\\d t", "select 2;"][..],
            ),
            (
                " -- only a comment \\! x\n/* \\! /* */ x */",
                &["-- only a comment \\! x\n/* \\! /* */ x */"],
            ),
            (
                "select 1 \\gexec\nselect 2",
                &["select 1", "\\gexec", "select 2"],
            ),
            ("select 1\\; drop table t;", &["select 1; drop table t;"]),
            (
                "select '\\! x', $$ \\! x $$, E'\\''\\g",
                &["select '\\! x', $$ \\! x $$, E'\\''", "\\g"],
            ),
            (
                "select a[1:2], b::int, f(a := 1)",
                &["select a[1:2], b::int, f(a := 1)"],
            ),
            ("select 1 \\x\n+ 1;", &["select 1  \n+ 1;"]),
        ] {
            assert_eq!(split(text, &[]).unwrap(), pieces, "{text}");
        }
    }

    #[test]
    fn known_variables_become_part_of_the_statement() {
        let variables = [
            ("c", "delete from t"),
            ("n", "it's"),
            ("q", "'"),
            ("s", "a\\b"),
            ("e", "E"),
            ("v", ":c"),
        ];
        for (text, sent) in [
            (":c where a = 1;", "delete from t where a = 1;"),
            (
                "select :'n', :\"n\", :'s';",
                "select 'it''s', \"it's\", E'a\\\\b';",
            ),
            ("select :{?c}, :{?z};", "select TRUE, FALSE;"),
        ] {
            assert_eq!(split(text, &variables).unwrap(), [sent], "{text}");
        }
        for text in [
            "select :x",
            "select :'x'",
            "select :q",
            "select :e'a\\''",
            "select a:c",
            ":s",
            ":v",
            "select -:n",
        ] {
            assert!(split(text, &variables).is_err(), "{text}");
        }
    }

    #[test]
    fn what_psql_could_read_differently_is_refused() {
        for text in [
            "select '\\'",
            "select 1 \\i x",
            "select 'a",
            "/* a",
            "select a[1:n]",
            "select\u{a0}1",
            "select 1 \\echo `x`\n",
            "$a$ select 1",
        ] {
            assert!(split(text, &[]).is_err(), "{text}");
        }
    }
}
