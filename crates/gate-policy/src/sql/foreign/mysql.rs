//! What `mysql` would run: `-e`, `--init-command`, standard input, and the
//! commands of the client between.

use super::statement::Language;
use super::{Place, judge_sql, judge_text, unknown};
use crate::command_line::{CommandLine, FileError, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement};
use crate::read::words::Parsed;

/// Words that the client takes for a command of its own at the start of a line.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "?", "charset", "clear", "connect", "costs", "delimiter", "edit", "ego", "exit", "go", "help", "nopager", "notee",
    "nowarning", "pager", "print", "prompt", "query_attributes", "quit", "rehash", "resetconnection", "sandbox",
    "source", "ssl_session_data_print", "status", "system", "tee", "use", "warnings",
];

/// Settings of `~/.my.cnf` that say where and as whom, or only what is shown.
#[rustfmt::skip]
const SETTINGS: &[&str] = &[
    "auto-rehash", "batch", "column-names", "compress", "connect-timeout", "database", "host", "no-auto-rehash",
    "no-beep", "password", "port", "protocol", "safe-updates", "show-warnings", "skip-auto-rehash", "socket", "ssl",
    "ssl-ca", "ssl-mode", "table", "user", "vertical",
];

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if !parsed.problems.is_empty() {
        return;
    }
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    if ["help", "version", "print-defaults"].into_iter().any(is_on) {
        return;
    }
    if !is_on("no-defaults") {
        read_settings(line, invocation);
    }
    if invocation
        .target
        .get("database")
        .is_some_and(|name| name.eq_ignore_ascii_case("mysql"))
    {
        unknown(
            "the database is the server's own, and its tables hold credentials",
            invocation,
        );
    }
    let mut is_told = false;
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        match used.name.as_ref() {
            "execute" => {
                is_told = true;
                judge_text(value, Language::MySql, invocation);
            }
            // It is sent whenever the client connects.
            "init-command" | "init-command-add" => judge_text(value, Language::MySql, invocation),
            _ => {}
        }
    }
    if is_told {
        return;
    }
    invocation.inputs.push(Input {
        placement: Placement::Anywhere,
        ..Input::unnamed(InputKind::Stdin, "-".into(), "script")
    });
    match line.stdin {
        Stdin::Content(bytes) => judge_text(bytes, Language::MySql, invocation),
        Stdin::Terminal | Stdin::Absent | Stdin::Unread => {
            unknown(
                "mysql would run standard input, which is not known",
                invocation,
            );
        }
    }
}

/// Judges a text line by line: at the start of one a command of the client can
/// stand, and what is left is sent to the server.
pub(super) fn judge_script(text: &str, invocation: &mut Invocation) {
    let starts: Vec<(Place, &str)> = text.lines().map(|line| (place_of(line), line)).collect();
    for (place, line) in &starts {
        match place {
            Place::Statement => {}
            Place::Client(Effect::Unknown) => {
                unknown("gate does not follow a command of the client", invocation);
            }
            Place::Client(effect) => {
                let word = line.split_whitespace().next().unwrap_or_default();
                invocation.add(*effect, &format!("`{word}` is a command of the client"));
            }
        }
    }
    let left: Vec<&str> = starts
        .iter()
        .filter(|(place, _)| *place == Place::Statement)
        .map(|(_, line)| *line)
        .collect();
    judge_sql(&left.join("\n"), Language::MySql, invocation);
}

fn place_of(line: &str) -> Place {
    let word = line
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .find(|word| !word.is_empty());
    let word = word.unwrap_or_default().to_ascii_lowercase();
    if !COMMANDS.contains(&word.as_str()) {
        return Place::Statement;
    }
    Place::Client(match word.as_str() {
        "system" | "edit" | "pager" => Effect::Execute,
        "tee" => Effect::Write,
        "help" | "?" | "nopager" | "notee" | "nowarning" | "warnings" | "status" | "exit"
        | "quit" | "print" => Effect::Read,
        _ => Effect::Unknown,
    })
}

/// Reads the settings of the user's home, which count before those of argv.
fn read_settings(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let Some(home) = line.env.get("HOME") else {
        return;
    };
    let content = match line.files.read(&std::path::Path::new(home).join(".my.cnf")) {
        Err(FileError::Absent) => return,
        Err(FileError::Unreadable(_)) => return unknown("can't read `~/.my.cnf`", invocation),
        Ok(content) => content,
    };
    let text = String::from_utf8_lossy(&content);
    let mut is_ours = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let name = section.split(']').next().unwrap_or_default();
            is_ours = name.starts_with("client")
                || name.starts_with("mysql")
                || name.starts_with("mariadb");
            continue;
        }
        if line.starts_with('!') {
            unknown("`~/.my.cnf` leads to other settings", invocation);
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim().replace('_', "-");
        if !is_ours || name.is_empty() || name.starts_with(['#', ';']) {
            continue;
        }
        if !SETTINGS.contains(&name.as_str()) {
            unknown(
                &format!("gate does not know what setting `{name}` of `~/.my.cnf` changes"),
                invocation,
            );
        }
        if matches!(
            name.as_str(),
            "host" | "port" | "user" | "database" | "socket"
        ) {
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            invocation.target.entry(name).or_insert(value);
        }
    }
}
