//! What `sqlite3` would run: operands behind the file's name, `-cmd`, `-init`,
//! `~/.sqliterc` and standard input, each of statements and dot commands.

use super::statement::Language;
use super::{judge_sql, judge_text, unknown};
use crate::command_line::{CommandLine, FileError, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement};
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
    if is_on("help") || is_on("version") {
        return;
    }
    let init = parsed
        .uses
        .iter()
        .rfind(|used| used.name == "init")
        .and_then(|used| used.value);
    let settings = match (init, line.env.get("HOME")) {
        (Some(name), _) => Some(line.cwd.join(path_of(name))),
        (None, Some(home)) => Some(std::path::Path::new(home).join(".sqliterc")),
        (None, None) => None,
    };
    match settings.map(|path| line.files.read(&path)) {
        None => {}
        Some(Ok(content)) => judge_text(&content, Language::Sqlite, invocation),
        Some(Err(FileError::Absent)) if init.is_none() => {}
        Some(Err(_)) => unknown("can't read what the shell runs first", invocation),
    }
    for used in parsed.uses.iter().filter(|used| used.name == "cmd") {
        judge_text(used.value.unwrap_or_default(), Language::Sqlite, invocation);
    }
    let told = parsed.operands.get(1..).unwrap_or_default();
    for operand in told {
        judge_text(operand.bytes, Language::Sqlite, invocation);
    }
    if parsed.operands.is_empty() {
        invocation
            .target
            .insert("database".to_owned(), ":memory:".to_owned());
    }
    if !told.is_empty() {
        return;
    }
    invocation.inputs.push(Input {
        placement: Placement::Anywhere,
        ..Input::unnamed(InputKind::Stdin, "-".into(), "script")
    });
    match line.stdin {
        Stdin::Content(bytes) => judge_text(bytes, Language::Sqlite, invocation),
        Stdin::Terminal | Stdin::Absent | Stdin::Unread => {
            unknown(
                "sqlite3 would run standard input, which is not known",
                invocation,
            );
        }
    }
}

/// Judges a text: a line that starts with a dot where no statement is open is a
/// command of the shell. A line of `/` or `go` alone ends a statement as `;` does.
pub(super) fn judge_script(text: &str, invocation: &mut Invocation) {
    let mut statement = String::new();
    let is_open = |statement: &str| {
        let ended = statement.trim_end();
        let comment = ended.lines().last().is_some_and(|line| line.contains("--"));
        !ended.is_empty() && (comment || !ended.ends_with(';'))
    };
    for line in text.lines() {
        if line.trim_start().starts_with(['.', '#']) {
            if is_open(&statement) {
                unknown(
                    "a dot or `#` at the start of a line stands inside a statement",
                    invocation,
                );
            }
            if let Some(command) = line.trim().strip_prefix('.') {
                let (effect, reason) = judge_dot(command);
                invocation.add(effect, &reason);
                super::nest("sqlite", line.trim(), effect, invocation);
            }
            continue;
        }
        statement.push_str(line);
        statement.push('\n');
    }
    match pragma_of(&statement) {
        Some(name) => {
            let effect = judge_pragma(&name, true);
            invocation.add(effect, &format!("gate looked for pragma `{name}`"));
            super::nest("sql", statement.trim(), effect, invocation);
        }
        None => judge_sql(&statement, Language::Sqlite, invocation),
    }
}

/// Returns the name of a pragma that stands alone with a word in brackets, which
/// the parser does not take: `pragma table_info(t)`.
fn pragma_of(statement: &str) -> Option<String> {
    let statement = statement.trim().trim_end_matches(';').to_ascii_lowercase();
    let (name, word) = statement.strip_prefix("pragma ")?.trim().split_once('(')?;
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let word = word.strip_suffix(')')?;
    (is_word(name) && is_word(word)).then(|| name.to_owned())
}

/// A name may be cut short as long as it is clear, which differs between
/// versions: only whole ones are known.
fn judge_dot(command: &str) -> (Effect, String) {
    let name = command.split_whitespace().next().unwrap_or_default();
    let arguments = command.get(name.len()..).unwrap_or_default().trim();
    let effect = match name {
        "shell" | "system" | "load" | "excel" | "www" | "crlf" => Effect::Execute,
        "output" | "once" if arguments.is_empty() || arguments == "stdout" => Effect::Read,
        "output" | "once" if arguments.starts_with(['|', '-', '"', '\'']) => Effect::Execute,
        "import" if arguments.contains('|') => Effect::Execute,
        "output" | "once" | "backup" | "save" | "clone" | "log" | "import" | "trace" => {
            Effect::Write
        }
        "restore" => Effect::Destroy,
        "dump" | "sha3sum" | "recover" => Effect::Secret,
        known if READS.contains(&known) && !arguments.contains(['|', '`']) => Effect::Read,
        _ => Effect::Unknown,
    };
    (effect, format!("`.{name}` of the shell"))
}

/// Judges a pragma by its name and whether it has a value.
pub(super) fn judge_pragma(name: &str, has_value: bool) -> Effect {
    if PRAGMAS.contains(&name) || (TELLING.contains(&name) && !has_value) {
        Effect::Read
    } else {
        Effect::Unknown
    }
}
