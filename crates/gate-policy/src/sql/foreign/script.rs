//! Splits what `mysql` reads into statements and commands of the client, as the
//! client does before the server sees any of it.
//!
//! A command of the client takes a line where no statement is open. In a line with
//! a `;` it ends there, as a statement does; inside a statement the same word is
//! SQL. Comments never reach the server, or say nothing to it.
//!
//! Source: `read_and_execute`, `add_line` and `find_command` of `client/mysql.cc`.

use super::statement::Language;
use super::text;
use crate::effect::Effect;

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Statements between commands of the client.
    Sql {
        /// As the script has them.
        shown: &'t str,
        /// Without their comments.
        sent: String,
    },
    /// A command of the client.
    Client(String),
    /// What is left where it can't be told what it is, and why.
    Unread {
        shown: &'t str,
        problem: &'static str,
    },
}

/// What the client takes for a command of its own: its name, whether words may
/// stand behind it, and its effect.
#[rustfmt::skip]
const COMMANDS: &[(&str, bool, Effect)] = &[
    ("?", true, Effect::Read), ("charset", true, Effect::Unknown), ("clear", false, Effect::Unknown),
    ("connect", true, Effect::Unknown), ("costs", false, Effect::Unknown), ("delimiter", true, Effect::Unknown),
    ("edit", false, Effect::Execute), ("ego", false, Effect::Unknown), ("exit", false, Effect::Read),
    ("go", false, Effect::Unknown), ("help", true, Effect::Read), ("nopager", false, Effect::Read),
    ("notee", false, Effect::Read), ("nowarning", false, Effect::Read), ("pager", true, Effect::Execute),
    ("print", false, Effect::Read), ("prompt", true, Effect::Unknown), ("query_attributes", true, Effect::Unknown),
    ("quit", false, Effect::Read), ("rehash", false, Effect::Unknown), ("resetconnection", false, Effect::Unknown),
    ("sandbox", false, Effect::Unknown), ("source", true, Effect::Unknown),
    ("ssl_session_data_print", true, Effect::Unknown), ("status", false, Effect::Read),
    ("system", true, Effect::Execute), ("tee", true, Effect::Write), ("use", true, Effect::Unknown),
    ("warnings", false, Effect::Read),
];

/// Returns the name of a command of the client, and what stands behind it.
pub(super) fn split_command(words: &str) -> (&str, &str) {
    let words = words.trim();
    let (name, arguments) = words.split_once([' ', '\t']).unwrap_or((words, ""));
    (name, arguments.trim())
}

/// Returns the effect of a command of the client; nothing where it is none.
pub(super) fn command_effect(words: &str) -> Option<Effect> {
    let (name, arguments) = split_command(words);
    let is_it = |(known, takes_words, _): &&(&str, bool, Effect)| {
        known.eq_ignore_ascii_case(name) && (*takes_words || arguments.is_empty())
    };
    COMMANDS.iter().find(is_it).map(|(.., effect)| *effect)
}

/// Splits a script.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut script = Script {
        text,
        at: 0,
        pieces: Vec::new(),
        start: 0,
        sent: String::new(),
        open: 0,
        open_at: 0,
        is_vague: false,
    };
    if let Err(problem) = script.read() {
        script.sent.truncate(script.open);
        script.hand_over(script.open_at);
        let shown = text.get(script.start..).unwrap_or_default();
        script.pieces.push(Piece::Unread { shown, problem });
    }
    script.pieces
}

struct Script<'t> {
    text: &'t str,
    at: usize,
    pieces: Vec<Piece<'t>>,
    /// Where in the text what no piece has yet starts.
    start: usize,
    /// The same without comments, and without blanks in front of a statement.
    sent: String,
    /// Where the open statement starts in what is sent.
    open: usize,
    /// Where it starts in the text.
    open_at: usize,
    /// A client that keeps comments has a statement open here, and others don't.
    is_vague: bool,
}

impl<'t> Script<'t> {
    fn read(&mut self) -> Result<(), &'static str> {
        if self.text.contains('\0') {
            return Err("a line can end for the client where it goes on for others");
        }
        while let Some(byte) = self.text.as_bytes().get(self.at).copied() {
            let is_line = self.line_so_far().is_empty();
            if is_line && self.is_closed() && self.take_line()? {
                continue;
            }
            self.step(byte)?;
        }
        self.end_statement(true)?;
        self.hand_over(self.at);
        Ok(())
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Returns the line up to here. A string or a comment that goes over several
    /// lines has taken their ends with it.
    fn line_so_far(&self) -> &'t str {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default()
    }

    fn is_closed(&self) -> bool {
        self.sent.len() == self.open
    }

    /// Takes a line that is a command of the client as a whole.
    fn take_line(&mut self) -> Result<bool, &'static str> {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let words = line.trim_start();
        let first = words.get(..9).unwrap_or_default();
        let goes_on = line.contains(';') || line.contains("\\g");
        if goes_on && !first.eq_ignore_ascii_case("delimiter") {
            return Ok(false);
        }
        if command_effect(words).is_none() && !words.starts_with("\\.") {
            return Ok(false);
        }
        self.hand_over(self.at);
        self.add_command(line.trim().to_owned())?;
        self.at = (self.at + line.len() + 1).min(self.text.len());
        self.start = self.at;
        self.open_at = self.at;
        Ok(true)
    }

    fn add_command(&mut self, words: String) -> Result<(), &'static str> {
        if self.is_vague {
            return Err("a command of the client stands behind what some clients send");
        }
        self.pieces.push(Piece::Client(words));
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        let rest = self.rest();
        let size = match rest.as_bytes() {
            [b';', ..] => {
                self.at += 1;
                return self.end_statement(true);
            }
            [b'\\', b'g' | b'G', ..] => {
                self.at += 2;
                return self.end_statement(false);
            }
            [b'#', ..] => self.skip_line(),
            [b'-', b'-', behind @ ..] => {
                if !behind.first().is_none_or(u8::is_ascii_whitespace) {
                    return Err("`--` is a comment to some and two signs to others");
                }
                self.skip_line()
            }
            [b'/', b'*', b'!' | b'+' | b'/', ..] | [b'/', b'*', b'M', b'!', ..] => {
                return Err("a comment can be code to the server");
            }
            [b'/', b'*', ..] => {
                let inside = rest.get(2..).and_then(|inside| inside.find("*/"));
                self.is_vague |= self.is_closed();
                self.add_blank(' ');
                inside.ok_or("a comment does not end")? + 4
            }
            bytes if byte.is_ascii_whitespace() => {
                let blank = self.line_so_far();
                // A client that keeps comments keeps the blanks of such a line too.
                let is_kept = byte == b'\n' && !blank.is_empty() && blank.trim().is_empty();
                self.is_vague |= is_kept && self.is_closed();
                self.add_blank(char::from(byte));
                text::unit(bytes, Language::MySql)?
            }
            bytes => {
                let size = text::unit(bytes, Language::MySql)?;
                self.sent.push_str(rest.get(..size).unwrap_or_default());
                size
            }
        };
        self.at += size;
        Ok(())
    }

    /// Returns the length of a comment to the end of the line.
    fn skip_line(&mut self) -> usize {
        let so_far = self.line_so_far();
        let is_indented = !so_far.is_empty() && so_far.trim().is_empty();
        self.is_vague |= is_indented && self.is_closed();
        let rest = self.rest();
        rest.find('\n').unwrap_or(rest.len())
    }

    /// Adds a blank to the open statement; none stands in front of one.
    fn add_blank(&mut self, blank: char) {
        if !self.is_closed() {
            self.sent.push(blank);
        }
    }

    /// Ends the open statement, in whose place a command of the client can stand
    /// where it ends at a `;`.
    fn end_statement(&mut self, may_be_command: bool) -> Result<(), &'static str> {
        let words = self.sent.get(self.open..).unwrap_or_default().trim();
        if may_be_command && command_effect(words).is_some() {
            let words = words.to_owned();
            self.sent.truncate(self.open);
            self.hand_over(self.open_at);
            self.add_command(words)?;
            self.start = self.at;
        } else if !words.is_empty() {
            self.sent.truncate(self.sent.trim_end().len());
            self.sent.push_str(";\n");
        }
        self.open = self.sent.len();
        self.open_at = self.at;
        self.is_vague = false;
        Ok(())
    }

    /// Makes a piece of the statements up to here.
    fn hand_over(&mut self, end: usize) {
        let shown = self.text.get(self.start..end).unwrap_or_default();
        let sent = std::mem::take(&mut self.sent);
        self.open = 0;
        self.start = end;
        if !sent.trim().is_empty() {
            self.pieces.push(Piece::Sql { shown, sent });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the pieces in short: statements as they are sent, a command behind
    /// `!`, and `?` for what is not read.
    fn pieces(text: &str) -> Vec<String> {
        let pieces = split(text).into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Sql { sent, .. } => sent.split_whitespace().collect::<Vec<_>>().join(" "),
                Piece::Client(words) => format!("!{words}"),
                Piece::Unread { .. } => "?".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_command_of_the_client_takes_a_line_or_ends_at_a_semicolon() {
        for (text, expected) in [
            ("help; drop table t", &["!help", "drop table t;"][..]),
            (
                "select 1\nstatus; drop table t",
                &["select 1 status; drop table t;"],
            ),
            (
                "select 1;\nstatus\nselect 2",
                &["select 1;", "!status", "select 2;"],
            ),
            (
                "select 1; status; select 2",
                &["select 1;", "!status", "select 2;"],
            ),
            ("status x\n", &["status x;"]),
            ("tee a;b\n", &["!tee a", "b;"]),
            ("USE a\nselect 1", &["!USE a", "select 1;"]),
            ("delimiter ;;\nselect 1", &["!delimiter ;;", "select 1;"]),
            ("\\. a.sql\nselect 1", &["!\\. a.sql", "select 1;"]),
            ("\\. a.sql; select 1", &["?"]),
            ("system ls\\G", &["!system ls\\G"]),
            ("select 1\\Gselect 2\\g", &["select 1; select 2;"]),
            ("select 1\\G;\nstatus", &["select 1;", "!status"]),
            (
                "select 'a;\nhelp '; select 2",
                &["select 'a; help '; select 2;"],
            ),
            ("select 1;\n\\! ls", &["select 1;", "?"]),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_are_read_as_the_server_reads_them() {
        for (text, expected) in [
            ("select 1 -- it's\n", &["select 1;"][..]),
            ("select 1 --", &["select 1;"]),
            ("select 1 # it's ;\n, 2", &["select 1 , 2;"]),
            ("select/* ; ' */1", &["select 1;"]),
            ("-- a\n# b\nstatus\n", &["!status"]),
            ("select 1; -- a\nstatus\n", &["select 1;", "!status"]),
            ("select 1--1", &["?"]),
            ("/*! drop table t */", &["?"]),
            ("/*M! drop table t */", &["?"]),
            ("/*My*/ select 1", &["select 1;"]),
            ("/*/ select 1 /*/", &["?"]),
            ("select 1 /* a", &["?"]),
            // Some clients send the comment, and the word with it.
            ("/* a */\nhelp 'x\n; select 1 '; drop table t;'", &["?"]),
            ("/* a */ status;", &["?"]),
            (" \nstatus\n", &["?"]),
            (" -- a\nstatus\n", &["?"]),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }
}
