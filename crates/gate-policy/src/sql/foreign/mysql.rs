//! What `mysql` would run: `-e`, `--init-command`, standard input, and the
//! commands of the client between.

use super::script::{self, Piece};
use super::statement::Language;
use super::{MAX_SCRIPTS, Run, is_plain_path};
use crate::command_line::{CommandLine, FileError};
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::words::Parsed;

/// Settings of `~/.my.cnf` that say where and as whom, or only what is shown.
#[rustfmt::skip]
const SETTINGS: &[&str] = &[
    "auto-rehash", "batch", "column-names", "compress", "connect-timeout", "database", "host", "no-auto-rehash",
    "no-beep", "password", "port", "protocol", "safe-updates", "show-warnings", "skip-auto-rehash", "socket", "ssl",
    "ssl-ca", "ssl-mode", "table", "user", "vertical",
];

/// The groups of `~/.my.cnf` that the client reads, in whatever case.
const GROUPS: &[&str] = &[
    "client",
    "client-mariadb",
    "client-server",
    "mariadb-client",
    "mysql",
];

/// Databases of the server's own: their tables hold credentials and what others run.
const OWN: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if !parsed.problems.is_empty() {
        return;
    }
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    if ["help", "version", "print-defaults"].into_iter().any(is_on) {
        return;
    }
    if !is_on("no-defaults") {
        read_settings(line, parsed, invocation);
    }
    if invocation
        .target
        .get("database")
        .is_some_and(|name| is_own(name))
    {
        invocation.add(
            Effect::Unknown,
            "the database is the server's own, and its tables hold credentials or what others run",
        );
    }
    let mut run = Run::new(line, Language::MySql, invocation);
    let mut told = Vec::new();
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        match used.name.as_ref() {
            "execute" => told.push(value),
            // It is sent whenever the client connects.
            "init-command" | "init-command-add" => run.judge_text(value),
            _ => {}
        }
    }
    if told.is_empty() {
        run.judge_stdin();
    } else {
        // The client makes one script of them, in which a statement can go on.
        run.judge_text(&told.join(&b"\n"[..]));
    }
}

pub(super) fn judge_script(text: &str, run: &mut Run<'_, '_>) {
    for piece in script::split(text) {
        match piece {
            Piece::Sql { shown, sent } => run.judge_sql(shown, &sent),
            Piece::Client(words) => judge_command(&words, run),
            Piece::Unread { shown, problem } => {
                run.unknown(problem);
                run.nest("sql", shown, Effect::Unknown);
                bind_mentioned(shown, run);
            }
        }
    }
}

/// Judges a command of the client.
fn judge_command(words: &str, run: &mut Run<'_, '_>) {
    let (name, arguments) = script::split_command(words);
    if name.eq_ignore_ascii_case("source") || name == "\\." {
        run.nest("mysql", words, Effect::Read);
        run.follow(arguments);
        return;
    }
    if name.eq_ignore_ascii_case("use") && moves_to(arguments, run) {
        run.nest("mysql", words, Effect::Read);
        return;
    }
    let effect = script::command_effect(words).unwrap_or(Effect::Unknown);
    // `help` puts its words into a statement, between quotes; a backslash starts
    // another command in some clients.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _%".contains(&byte);
    let is_read = effect == Effect::Read && arguments.bytes().all(is_plain);
    let is_other = effect != Effect::Read && !words.contains(['\\', '\r']);
    let effect = if is_read || is_other {
        effect
    } else {
        Effect::Unknown
    };
    run.invocation
        .add(effect, format!("`{name}` is a command of the client"));
    run.nest("mysql", words, effect);
}

fn is_own(database: &str) -> bool {
    OWN.iter().any(|own| own.eq_ignore_ascii_case(database))
}

/// Makes the database of a `use` that of the target, where no other one is named: a
/// rule speaks of one. Tells whether it could.
fn moves_to(database: &str, run: &mut Run<'_, '_>) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if database.is_empty() || !database.bytes().all(is_plain) || is_own(database) {
        return false;
    }
    let named = run.invocation.target.entry("database".to_owned());
    *named.or_insert_with(|| database.to_owned()) == *database
}

/// Binds the scripts that a text names which is not understood: it can still be
/// approved, and is run with them.
fn bind_mentioned(text: &str, run: &mut Run<'_, '_>) {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .filter(|word| !word.is_empty())
        .collect();
    let named = words.windows(2).filter_map(|two| match two {
        [name, path] if name.eq_ignore_ascii_case("source") || name.ends_with("\\.") => Some(path),
        _ => None,
    });
    let named = named.filter(|path| is_plain_path(path));
    named
        .take(MAX_SCRIPTS)
        .for_each(|path| run.bind(path, "script"));
}

/// Reads the settings of the user's home. They count before the environment and behind argv,
/// and of one that stands twice the last counts.
fn read_settings(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let Some(home) = line.env.get("HOME") else {
        return;
    };
    let content = match line.files.read(&std::path::Path::new(home).join(".my.cnf")) {
        Err(FileError::Absent) => return,
        Err(FileError::Unreadable(_)) => {
            return invocation.add(Effect::Unknown, "can't read `~/.my.cnf`");
        }
        Ok(content) => content,
    };
    let text = String::from_utf8_lossy(&content);
    let mut is_ours = false;
    for line in text.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix('[') {
            let group = group.split(']').next().unwrap_or_default().trim_end();
            is_ours = GROUPS.iter().any(|ours| ours.eq_ignore_ascii_case(group));
            continue;
        }
        if line.starts_with('!') {
            invocation.add(Effect::Unknown, "`~/.my.cnf` leads to other settings");
        }
        if is_ours && !line.is_empty() && !line.starts_with(['#', ';']) {
            read_setting(line, parsed, invocation);
        }
    }
}

fn read_setting(line: &str, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let line = without_comment(line);
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    let name = name.trim().replace('_', "-");
    if !SETTINGS.contains(&name.as_str()) {
        let reason = format!("gate does not know what setting `{name}` of `~/.my.cnf` changes");
        return invocation.add(Effect::Unknown, &reason);
    }
    let is_given = parsed.uses.iter().any(|used| used.name == name)
        || (name == "database" && !parsed.operands.is_empty());
    let selects = ["host", "port", "user", "database", "socket"];
    if is_given || !selects.contains(&name.as_str()) {
        return;
    }
    let value = value.trim();
    let plain = value
        .strip_prefix(['"', '\''])
        .and_then(|rest| rest.strip_suffix(['"', '\'']))
        .unwrap_or(value);
    if plain.contains(['"', '\'', '\\']) {
        let reason = format!("setting `{name}` of `~/.my.cnf` is not plain");
        return invocation.add(Effect::Unknown, &reason);
    }
    invocation.target.insert(name, plain.to_owned());
}

/// Returns a line up to a `#` that stands in no quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') => return line.get(..at).unwrap_or_default(),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    line
}
