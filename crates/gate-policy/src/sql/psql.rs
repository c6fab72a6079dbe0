//! One run of psql: its scripts in their order, and what each leaves behind.

use std::path::{Path, PathBuf};

use super::script::{Piece, Script};
use super::statement::Reach;
use super::variables::{self, Variables};
use super::{MAX_DEPTH, MAX_SCRIPTS, is_plain_path, meta, statement};
use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Invocation, Nested};
use crate::read::words::Parsed;
use crate::read::{MAX_SCRIPT_BYTES, path_of};

/// What is known of one run of psql.
pub(super) struct Psql<'a, 'i> {
    line: &'a CommandLine<'a>,
    pub(super) invocation: &'i mut Invocation,
    session: statement::Session,
    variables: Variables,
    /// How many `\if` are open, in which a variable may be set or not.
    branches: usize,
    /// The folders of the scripts that are being read, one in the other; nothing
    /// for one that has none.
    folders: Vec<Option<PathBuf>>,
    scripts: usize,
}

impl<'a, 'i> Psql<'a, 'i> {
    pub(super) fn new(line: &'a CommandLine<'a>, invocation: &'i mut Invocation) -> Self {
        Self {
            line,
            invocation,
            session: statement::Session::default(),
            variables: Variables::default(),
            branches: 0,
            folders: Vec::new(),
            scripts: 0,
        }
    }

    /// Takes the variables of argv, which are set before anything runs.
    pub(super) fn take_variables(&mut self, parsed: &Parsed<'_>) {
        for used in &parsed.uses {
            if !matches!(used.name.as_ref(), "set" | "variable") {
                continue;
            }
            let Some(setting) = std::str::from_utf8(used.value.unwrap_or_default()).ok() else {
                self.unknown("a variable is not UTF-8");
                continue;
            };
            match setting.split_once('=') {
                Some((name, value)) => self.set_variable(name, Some(value)),
                None => self.set_variable(setting, None),
            }
        }
    }

    /// What is not read can be a statement about more than this database.
    fn unknown(&mut self, reason: &str) {
        self.invocation.leaves_database = true;
        self.invocation.add(Effect::Unknown, reason);
    }

    /// Says what would lead out of a session that may only read.
    pub(super) fn say_what_leads_out(&mut self) {
        let found = self.session.leads_out();
        self.invocation.way_out = self.invocation.way_out.or(found);
        self.invocation.leaves_database |= self.session.reach == Reach::Server;
    }

    fn set_variable(&mut self, name: &str, value: Option<&str>) {
        if !variables::is_harmless(name) {
            let reason = format!("gate does not know what variable `{name}` changes of psql");
            self.unknown(&reason);
        }
        match value {
            // Whether it is set depends on what a condition finds.
            _ if self.branches > 0 => self.variables.lose(),
            Some(value) => self.variables.set(name, value),
            None => self.variables.unset(name),
        }
    }

    /// Judges the value of `-c`: one backslash command where it starts with a
    /// backslash, else SQL as it stands.
    pub(super) fn judge_command(&mut self, text: &[u8]) {
        let Some(text) = self.readable(text) else {
            return;
        };
        self.session.sends_each = false;
        match text.strip_prefix('\\') {
            Some(command) if command.contains('\n') => {
                self.nest("psql", command, Effect::Unknown);
                self.unknown("a backslash command goes on in a second line");
            }
            Some(command) => self.judge_meta(command),
            None if text.trim().is_empty() => {}
            None => self.judge_sql(text, text),
        }
    }

    pub(super) fn judge_file(&mut self, name: &[u8]) {
        if name == b"-" {
            self.judge_stdin();
            return;
        }
        self.follow(
            &self.line.cwd.join(path_of(name)),
            &String::from_utf8_lossy(name),
        );
    }

    fn follow(&mut self, path: &Path, shown: &str) {
        self.scripts += 1;
        if self.folders.len() > MAX_DEPTH || self.scripts > MAX_SCRIPTS {
            self.unknown("scripts lead to more scripts than gate follows");
            return;
        }
        match self.line.files.read(path) {
            Ok(content) => {
                self.folders.push(path.parent().map(Path::to_owned));
                self.judge_script(&content);
                self.folders.pop();
            }
            Err(problem) => {
                let reason = format!("can't read script `{shown}`: {problem}");
                self.unknown(&reason);
            }
        }
    }

    pub(super) fn judge_stdin(&mut self) {
        match self.line.stdin {
            Stdin::Content(bytes) => {
                self.folders.push(None);
                self.judge_script(bytes);
                self.folders.pop();
            }
            Stdin::Terminal => self.invocation.add(
                Effect::Unknown,
                "psql would run what a person types, which nobody can judge beforehand",
            ),
            Stdin::Absent | Stdin::Unread => {
                self.unknown("psql would run standard input, which was not given");
            }
        }
    }

    /// Returns a text that can be read; else says why not, and keeps it for what
    /// is looked for in it anyway.
    fn readable<'t>(&mut self, text: &'t [u8]) -> Option<&'t str> {
        if text.len() > MAX_SCRIPT_BYTES {
            let reason = format!("a script of {} bytes is more than gate reads", text.len());
            self.unknown(&reason);
            return None;
        }
        if let Ok(text) = std::str::from_utf8(text) {
            return Some(text);
        }
        self.unknown("a script is not UTF-8");
        self.nest("sql", &String::from_utf8_lossy(text), Effect::Unknown);
        None
    }

    fn judge_script(&mut self, text: &[u8]) {
        let Some(text) = self.readable(text) else {
            return;
        };
        self.session.sends_each = true;
        let outside = std::mem::take(&mut self.branches);
        let mut script = Script::new(text);
        while let Some(piece) = script.next(&self.variables) {
            match piece {
                Ok(Piece::Meta(command)) => self.judge_meta(command.trim_end()),
                Ok(Piece::Sql { shown, sent }) => self.judge_sql(shown, &sent),
                Err(problem) => {
                    self.unknown(problem);
                    self.nest("sql", script.rest(), Effect::Unknown);
                    break;
                }
            }
            // Where the rows end and statements go on is not followed.
            if std::mem::take(&mut self.session.takes_rows) {
                self.unknown("rows for a `COPY` stand in the script");
                self.nest("sql", script.rest(), Effect::Unknown);
                break;
            }
        }
        self.branches = outside;
    }

    /// Notes what is inside; a command of psql, given without its backslash, is
    /// shown with it.
    fn nest(&mut self, language: &'static str, text: &str, effect: Effect) {
        let mark = if language == "psql" { "\\" } else { "" };
        self.invocation.nested.push(Nested {
            language: language.into(),
            text: format!("{mark}{text}"),
            effect,
            inner: None,
        });
    }

    fn judge_sql(&mut self, shown: &str, sent: &str) {
        let judged = statement::judge(sent, &mut self.session);
        if self.session.reach == Reach::File {
            self.session.reach = Reach::Server;
        }
        let strictest = judged.iter().map(|found| found.effect).max();
        for found in judged {
            if found.is_code {
                self.invocation.add_unless_held(found.effect, found.reason);
            } else {
                self.invocation.add(found.effect, found.reason);
            }
        }
        self.nest("sql", shown.trim(), strictest.unwrap_or(Effect::Read));
    }

    fn judge_meta(&mut self, command: &str) {
        let name = command
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let arguments = command.get(name.len()..).unwrap_or_default().trim();
        if !meta::sends_nothing(name) {
            self.session.goes_on();
        }
        let judged = match name {
            "i" | "include" | "ir" | "include_relative" => return self.include(command, arguments),
            "copy" => vec![copy_of(arguments, &mut self.session)],
            "set" | "unset" | "gset" | "getenv" | "prompt" => vec![self.assign(name, arguments)],
            "if" | "elif" | "else" | "endif" => vec![self.branch(name, arguments)],
            "gexec" => vec![
                meta::judge(command),
                (
                    Effect::Unknown,
                    "the result holds the statements".to_owned(),
                ),
            ],
            _ => vec![meta::judge(command)],
        };
        let mut strictest = Effect::Read;
        for (effect, reason) in judged {
            self.invocation.add(effect, &reason);
            strictest = strictest.max(effect);
        }
        // It connects anew, starts a program, changes a password, or is not understood.
        if matches!(
            strictest,
            Effect::Access | Effect::Execute | Effect::Unknown
        ) {
            self.session.reaches(Reach::Server);
        }
        self.nest("psql", command, strictest);
    }

    /// `\i` is taken from the working directory, `\ir` from the folder of the
    /// script.
    fn include(&mut self, command: &str, name: &str) {
        if !is_plain_path(name) {
            self.unknown("a script includes another whose name is not plain");
            self.nest("psql", command, Effect::Unknown);
            return;
        }
        self.nest("psql", command, Effect::Read);
        let folder = match self.folders.last() {
            Some(Some(folder)) if command.starts_with("ir") || command.starts_with("include_") => {
                folder.clone()
            }
            _ => self.line.cwd.to_owned(),
        };
        self.follow(&folder.join(name), name);
    }

    fn assign(&mut self, command: &str, arguments: &str) -> (Effect, String) {
        let said = (Effect::Read, format!("`\\{command}` sets a variable"));
        if matches!(command, "gset" | "getenv" | "prompt") {
            self.variables.lose();
        }
        if arguments.contains(['`', '\\', '"']) || (arguments.contains(':') && command != "gset") {
            self.variables.lose();
            let reason = format!("the arguments of `\\{command}` are not understood");
            return (Effect::Unknown, reason);
        }
        let mut words = arguments.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        if name.contains('\'') {
            // psql takes the quotes away: it can be a variable of its own.
            self.variables.lose();
            let reason = format!("the name that `\\{command}` sets has quotes");
            return (Effect::Unknown, reason);
        }
        match command {
            "unset" => self.set_variable(name, None),
            "set" if !name.is_empty() => {
                match value_of(arguments.get(name.len()..).unwrap_or_default()) {
                    Some(value) => self.set_variable(name, Some(&value)),
                    None => self.variables.lose(),
                }
            }
            // Any column of the result names a variable, `SINGLELINE` too.
            "gset" if name.is_empty() => {
                return (
                    Effect::Unknown,
                    "the result names the variables that `\\gset` sets".to_owned(),
                );
            }
            "gset" | "getenv" | "prompt" if !name.bytes().any(|byte| byte.is_ascii_lowercase()) => {
                return (
                    Effect::Unknown,
                    format!("`\\{command}` can set a variable of psql's own"),
                );
            }
            _ => {}
        }
        said
    }

    /// What a condition leaves out is judged as if it ran.
    fn branch(&mut self, command: &str, arguments: &str) -> (Effect, String) {
        match command {
            "if" => self.branches += 1,
            "endif" => self.branches = self.branches.saturating_sub(1),
            _ => {}
        }
        if arguments.contains(['`', '\\']) {
            return (Effect::Unknown, "a condition can run a program".to_owned());
        }
        (Effect::Read, "a condition".to_owned())
    }
}

/// Returns what `\set` puts together: words, and texts in single quotes.
fn value_of(arguments: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = arguments.trim_start();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('\'') {
            let end = inside.find('\'')?;
            value.push_str(inside.get(..end)?);
            rest = inside.get(end + 1..)?;
            // A doubled quote is one of the text.
            if rest.starts_with('\'') {
                return None;
            }
        } else {
            let end = rest.find([' ', '\t', '\'']).unwrap_or(rest.len());
            value.push_str(rest.get(..end)?);
            rest = rest.get(end..)?;
        }
        rest = rest.trim_start();
    }
    Some(value)
}

/// Judges `\copy`, which is a `COPY` whose file is one of this machine.
fn copy_of(arguments: &str, session: &mut statement::Session) -> (Effect, String) {
    let sql = format!("copy {arguments}");
    let judged = statement::judge(&sql, session);
    if session.reach == Reach::File {
        session.reach = Reach::Database;
    }
    let says = |effect: Effect| judged.iter().any(|found| found.effect == effect);
    let lower = arguments.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_ascii_whitespace().collect();
    if says(Effect::Execute) || words.contains(&"program") {
        return (Effect::Execute, "`\\copy` starts a program".to_owned());
    }
    if says(Effect::Unknown) {
        return (Effect::Unknown, "a `\\copy` is not understood".to_owned());
    }
    let strictest = judged.iter().map(|found| found.effect).max();
    let is_out = words.contains(&"to");
    let effect = if is_out {
        Effect::Secret
    } else {
        Effect::Write
    };
    let effect = strictest.map_or(effect, |found| found.max(effect));
    (effect, "a `\\copy` of bulk data".to_owned())
}
