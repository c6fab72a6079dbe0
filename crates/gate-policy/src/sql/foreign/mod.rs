//! The statements and commands that `mysql` and `sqlite3` would run.

mod known;
mod mysql;
mod script;
mod sqlite;
mod statement;
mod text;

use super::{MAX_DEPTH, MAX_SCRIPTS, is_plain_path};
use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested};
use crate::read::MAX_SCRIPT_BYTES;
pub(crate) use mysql::read as read_mysql;
pub(crate) use sqlite::read as read_sqlite;
use statement::Language;

/// One run of a client: its scripts in their order, and what they lead to.
struct Run<'a, 'i> {
    line: &'a CommandLine<'a>,
    language: Language,
    invocation: &'i mut Invocation,
    /// How many scripts are being read, one in the other.
    depth: usize,
    scripts: usize,
}

impl<'a, 'i> Run<'a, 'i> {
    fn new(line: &'a CommandLine<'a>, language: Language, invocation: &'i mut Invocation) -> Self {
        Self {
            line,
            language,
            invocation,
            depth: 0,
            scripts: 0,
        }
    }

    fn unknown(&mut self, reason: &str) {
        self.invocation.add(Effect::Unknown, reason);
    }

    fn nest(&mut self, language: &'static str, text: &str, effect: Effect) {
        self.invocation.nested.push(Nested {
            language: language.into(),
            text: text.trim().to_owned(),
            effect,
            inner: None,
        });
    }

    fn judge_stdin(&mut self) {
        self.invocation.add_script_at_stdin();
        match self.line.stdin {
            Stdin::Content(bytes) => self.judge_text(bytes),
            Stdin::Terminal | Stdin::Absent | Stdin::Unread => {
                self.unknown("the client would run standard input, which is not known");
            }
        }
    }

    fn judge_text(&mut self, bytes: &[u8]) {
        if bytes.len() > MAX_SCRIPT_BYTES {
            return self.unknown("a script is longer than gate reads");
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.unknown("a script is not UTF-8");
        };
        match self.language {
            Language::MySql => mysql::judge_script(text, self),
            Language::Sqlite => sqlite::judge_script(text, self),
        }
    }

    /// Judges statements that are sent as they are, or without their comments.
    fn judge_sql(&mut self, shown: &str, sent: &str) {
        let mut strictest = Effect::Read;
        for (effect, reason) in statement::judge(sent, self.language) {
            self.invocation.add(effect, &reason);
            strictest = strictest.max(effect);
        }
        self.nest("sql", shown, strictest);
    }

    /// Judges the script that a script leads to.
    fn follow(&mut self, name: &str) {
        if !is_plain_path(name) {
            return self.unknown("a script leads to another whose name is not plain");
        }
        self.bind(name, "script");
        self.scripts += 1;
        if self.depth >= MAX_DEPTH || self.scripts > MAX_SCRIPTS {
            return self.unknown("scripts lead to more scripts than gate follows");
        }
        match self.line.files.read(&self.line.cwd.join(name)) {
            Ok(content) => {
                self.depth += 1;
                self.judge_text(&content);
                self.depth -= 1;
            }
            Err(problem) => self.unknown(&format!("can't read script `{name}`: {problem}")),
        }
    }

    /// Makes an input of a file, or of its place where there is none: what
    /// appears there would be run, or read.
    fn bind(&mut self, name: &str, role: &'static str) {
        let path = self.line.cwd.join(name);
        let input = Input::unnamed(InputKind::File, path, role);
        self.invocation.add_input(input);
    }
}
