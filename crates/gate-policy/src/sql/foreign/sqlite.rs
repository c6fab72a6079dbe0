//! What `sqlite3` would run: operands behind the file's name, `-cmd`, `-init`,
//! `~/.sqliterc` and standard input, each of statements and dot commands.

use std::path::{Path, PathBuf};

use super::statement::Language;
use super::{Run, is_plain_path, text};
use crate::command_line::{CommandLine, FileError, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::read::path_of;
use crate::read::words::Parsed;

/// Dot commands that show or shape what is shown.
#[rustfmt::skip]
const READS: &[&str] = &[
    "bail", "changes", "databases", "dbinfo", "echo", "eqp", "exit", "explain", "fullschema", "headers", "help",
    "indexes", "indices", "limit", "mode", "nullvalue", "print", "progress", "prompt", "quit", "schema", "separator",
    "show", "stats", "tables", "timeout", "timer", "version", "width",
];

/// Pragmas that only tell, of a table or index between brackets too.
#[rustfmt::skip]
const PRAGMAS: &[&str] = &[
    "collation_list", "compile_options", "database_list", "foreign_key_check", "foreign_key_list", "function_list",
    "index_info", "index_list", "index_xinfo", "integrity_check", "module_list", "pragma_list", "quick_check",
    "table_info", "table_list", "table_xinfo",
];

/// Pragmas that tell where they are given no value.
#[rustfmt::skip]
const TELLING: &[&str] = &[
    "application_id", "auto_vacuum", "cache_size", "data_version", "encoding", "foreign_keys", "freelist_count",
    "journal_mode", "page_count", "page_size", "query_only", "schema_version", "synchronous", "user_version",
];

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if !parsed.problems.is_empty() {
        return;
    }
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    // What runs first runs also in front of these.
    let is_told = !(is_on("help") || is_on("version"));
    if parsed.operands.is_empty() {
        let memory = ":memory:".to_owned();
        invocation.target.insert("database".to_owned(), memory);
    }
    if let Some(database) = parsed.operands.first().filter(|_| !is_on("readonly")) {
        judge_database(database.bytes, line, invocation);
    }
    let init = parsed
        .uses
        .iter()
        .rfind(|used| used.name == "init")
        .and_then(|used| used.value);
    let mut run = Run::new(line, Language::Sqlite, invocation);
    if init.is_none() {
        judge_other_home(line, &mut run);
    }
    for settings in run_first(init, line) {
        match line.files.read(&settings) {
            Ok(content) => run.judge_text(&content),
            Err(FileError::Absent) if init.is_none() => {}
            Err(_) => run.unknown("can't read what the shell runs first"),
        }
    }
    for used in parsed.uses.iter().filter(|used| used.name == "cmd") {
        judge_word(used.value.unwrap_or_default(), &mut run);
    }
    let told = parsed.operands.get(1..).filter(|_| is_told);
    for operand in told.unwrap_or_default() {
        judge_word(operand.bytes, &mut run);
    }
    if is_told && told.is_none_or(<[_]>::is_empty) {
        run.judge_stdin();
    }
}

/// Returns what the shell can run first. Of the two places in the home the first that
/// there is counts, from version 3.41 on; before, the second alone.
fn run_first(init: Option<&[u8]>, line: &CommandLine<'_>) -> Vec<PathBuf> {
    if let Some(name) = init {
        return vec![line.cwd.join(path_of(name))];
    }
    let home = line.env.get("HOME").map(PathBuf::from);
    let moved = line.env.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let settings = moved.or_else(|| home.as_ref().map(|home| home.join(".config")));
    let settings = settings.map(|folder| folder.join("sqlite3/sqliterc"));
    let own = home.map(|home| home.join(".sqliterc"));
    settings.into_iter().chain(own).collect()
}

/// Builds of the shell look into the home of their account before they ask for `HOME`, or after, or
/// not at all: what stands there and not in `HOME` may run or not.
fn judge_other_home(line: &CommandLine<'_>, run: &mut Run<'_, '_>) {
    let home = line.env.get("HOME").map(Path::new);
    let own = match line.files.home_of_account() {
        // As behind `sudo`, where the account is another one too.
        Ok(Some(_)) if home.is_none() => {
            return run.unknown("it runs `.sqliterc` of its account's home, and HOME is not known");
        }
        Ok(Some(own)) if home != Some(&own) => own,
        Ok(_) => return,
        Err(_) => {
            return run.unknown("the home of its account, whose `.sqliterc` it runs, is not known");
        }
    };
    for settings in [".sqliterc", ".config/sqlite3/sqliterc"].map(|name| own.join(name)) {
        if line.files.kind(&settings).is_some() {
            run.unknown("it runs `.sqliterc` of its account's home, and HOME names another folder");
        }
        // That it is not there is part of what is approved.
        let input = Input::unnamed(InputKind::File, settings, "settings");
        run.invocation.add_input(input);
    }
}

/// The shell makes a database that is not there, be it only to read from it. That can be
/// told only where something is known of its folder.
fn judge_database(name: &[u8], line: &CommandLine<'_>, invocation: &mut Invocation) {
    let path = match name.strip_prefix(b"file:").map(path_in_uri) {
        None => name,
        Some(Ok(path)) => path,
        Some(Err(problem)) => return invocation.add(Effect::Unknown, problem),
    };
    if path.is_empty() || path == b":memory:" {
        return;
    }
    let path = line.cwd.join(path_of(path));
    let folder = path.parent().and_then(|folder| line.files.kind(folder));
    if folder == Some(FileKind::Directory) && line.files.kind(&path).is_none() {
        invocation.add(Effect::Local, "the database is not there, and is made");
    }
}

/// Returns the path in the address of a database without `file:`, and nothing where it makes
/// no file. Source: <https://sqlite.org/uri.html>.
fn path_in_uri(address: &[u8]) -> Result<&[u8], &'static str> {
    let end = address.iter().position(|byte| *byte == b'?');
    let (path, query) = address.split_at(end.unwrap_or(address.len()));
    if path.starts_with(b"//") || path.contains(&b'%') || address.contains(&b'#') {
        return Err("the address of the database is not plain");
    }
    let mut is_made = true;
    let pairs = query.get(1..).unwrap_or_default();
    for pair in pairs
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        match pair {
            b"mode=ro" | b"mode=rw" | b"mode=memory" => is_made = false,
            b"mode=rwc" | b"immutable=1" | b"cache=private" | b"cache=shared" => {}
            _ => return Err("gate does not know what the address of the database asks for"),
        }
    }
    Ok(if is_made { path } else { b"" })
}

/// Judges a word that is one dot command, or else statements.
fn judge_word(text: &[u8], run: &mut Run<'_, '_>) {
    if text.starts_with(b".") && text.trim_ascii().contains(&b'\n') {
        run.unknown("a dot command goes on in a second line");
    }
    run.judge_text(text);
}

/// The lines of a script that are statements, as far as they were read.
#[derive(Default)]
struct Statements {
    text: String,
    /// Up to where no statement was open.
    closed: usize,
    /// A statement was open where it had to be known: nothing behind it is.
    is_lost: bool,
}

impl Statements {
    /// Tells whether a statement, a string or a comment can be open here, in which
    /// a line is no command of the shell.
    fn is_open(&mut self) -> bool {
        let fresh = self.text.get(self.closed..).unwrap_or_default().trim();
        if self.is_lost || fresh.is_empty() {
            return self.is_lost;
        }
        let is_comment = fresh.lines().last().is_some_and(|line| line.contains("--"));
        // The body of a trigger has semicolons of its own.
        let is_body = fresh.to_ascii_lowercase().contains("trigger");
        let is_closed = fresh.ends_with(';') && !is_comment && !is_body;
        self.is_lost = !is_closed || text::is_plain(fresh).is_err();
        self.closed = self.text.len();
        self.is_lost
    }
}

/// Judges a text: a line that starts with a dot where no statement is open is a
/// command of the shell. A line of `/` or `go` alone ends a statement as `;` does.
pub(super) fn judge_script(text: &str, run: &mut Run<'_, '_>) {
    let mut statements = Statements::default();
    for line in text.lines() {
        if !line.trim_start().starts_with(['.', '#']) {
            statements.text.push_str(line);
            statements.text.push('\n');
            continue;
        }
        // Older shells know no `#`, and it ends what they run.
        let is_behind = line.trim_start().starts_with('#') && !statements.text.trim().is_empty();
        if is_behind || statements.is_open() {
            run.unknown("a dot or `#` at the start of a line can stand inside a statement");
        }
        if let Some(command) = line.trim().strip_prefix('.') {
            judge_dot(command, run);
        }
    }
    let statement = statements.text.trim();
    if statement.is_empty() {
        return;
    }
    if let Some(name) = pragma_of(statement) {
        let effect = judge_pragma(&name, true);
        run.invocation
            .add(effect, format!("gate looked for pragma `{name}`"));
        run.nest("sql", statement, effect);
    } else if let Err(problem) = text::is_plain(statement) {
        run.unknown(problem);
        run.nest("sql", statement, Effect::Unknown);
    } else {
        run.judge_sql(statement, statement);
    }
}

/// Returns the name of a pragma that stands alone with a word in brackets, which
/// the parser does not take: `pragma table_info(t)`, `pragma main.table_info(t)`.
fn pragma_of(statement: &str) -> Option<String> {
    let statement = statement.trim().trim_end_matches(';').to_ascii_lowercase();
    let (name, word) = statement.strip_prefix("pragma ")?.trim().split_once('(')?;
    let (schema, name) = name.split_once('.').unwrap_or(("main", name));
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let word = word.strip_suffix(')')?;
    (is_word(schema) && is_word(name) && is_word(word)).then(|| name.to_owned())
}

/// A name may be cut short as long as it is clear, which differs between
/// versions: only whole ones are known.
fn judge_dot(command: &str, run: &mut Run<'_, '_>) {
    let name = command.split_whitespace().next().unwrap_or_default();
    let arguments = command.get(name.len()..).unwrap_or_default().trim();
    let effect = dot_effect(name, arguments);
    run.invocation
        .add(effect, format!("`.{name}` of the shell"));
    run.nest("sqlite", &format!(".{command}"), effect);
    if name == "read" && effect == Effect::Read {
        run.follow(arguments);
    }
    if matches!(name, "import" | "restore") && effect != Effect::Execute {
        bind_source(name, arguments, run);
    }
}

/// Binds the file whose rows or pages come into the database: `.import` has it in
/// front of the table, `.restore` at its end.
fn bind_source(name: &str, arguments: &str, run: &mut Run<'_, '_>) {
    let mut words = arguments.split_whitespace().rev();
    if name == "import" {
        words.next();
    }
    match words.next().filter(|word| is_plain_path(word)) {
        Some(file) => run.bind(file, "data"),
        None => run.unknown("a command of the shell reads a file whose name is not plain"),
    }
}

fn dot_effect(name: &str, arguments: &str) -> Effect {
    match name {
        "shell" | "system" | "load" | "excel" | "www" | "crlf" => Effect::Execute,
        "output" | "once" if arguments.is_empty() || arguments == "stdout" => Effect::Read,
        "output" | "once" if arguments.starts_with(['|', '-', '"', '\'']) => Effect::Execute,
        "import" | "read" if arguments.contains('|') => Effect::Execute,
        "output" | "once" | "backup" | "save" | "clone" | "log" | "import" | "trace" => {
            Effect::Write
        }
        "restore" => Effect::Destroy,
        "dump" | "sha3sum" | "recover" => Effect::Secret,
        // What it reads decides.
        "read" if is_plain_path(arguments) => Effect::Read,
        known if READS.contains(&known) && !arguments.contains(['|', '`']) => Effect::Read,
        _ => Effect::Unknown,
    }
}

/// Judges a pragma by its name and whether it has a value.
pub(super) fn judge_pragma(name: &str, has_value: bool) -> Effect {
    if PRAGMAS.contains(&name) || (TELLING.contains(&name) && !has_value) {
        Effect::Read
    } else {
        Effect::Unknown
    }
}
