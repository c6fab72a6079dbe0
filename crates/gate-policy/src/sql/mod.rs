//! The statements and backslash commands that psql would run.

mod connection;
mod grammar;
mod meta;
mod script;
mod statement;

use std::ffi::OsString;

use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested, Placement};
use crate::read::MAX_SCRIPT_BYTES;
use crate::read::words::Parsed;

pub(crate) use connection::refuse_several_servers;

/// Reads everything that psql would run: each `-c`, each `-f`, or standard
/// input where there is neither, and the server that it would connect to.
pub(crate) fn read_psql(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    connection::read(parsed, invocation);
    refuse_cluster(line, invocation);
    if !parsed.problems.is_empty() {
        return;
    }
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    if ["help", "version", "list"].into_iter().any(is_on) {
        return;
    }
    let mut is_scripted = false;
    let mut session = statement::Session::default();
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        if used.name == "command" {
            is_scripted = true;
            judge_text(value, Source::Command, &mut session, invocation);
        } else if used.name == "file" {
            is_scripted = true;
            judge_file(line, value, &mut session, invocation);
        }
    }
    if !is_scripted {
        invocation.inputs.push(Input {
            placement: Placement::Anywhere,
            ..Input::unnamed(InputKind::Stdin, "-".into(), "script")
        });
        judge_stdin(line, &mut session, invocation);
    }
}

/// Debian's wrapper takes `--cluster` and the word behind it out of argv
/// wherever they stand, also where psql would take them for a value, and the
/// words that are left mean something else.
fn refuse_cluster(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let is_cluster = |word: &OsString| word.as_encoded_bytes().starts_with(b"--cluster");
    if line.argv.iter().any(is_cluster) {
        invocation.add(
            Effect::Unknown,
            "`--cluster` selects another server and moves the words behind it",
        );
    }
}

/// Where a text comes from: psql treats the two differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// `-c`: SQL as it stands, or one backslash command.
    Command,
    /// A script: SQL with variables and backslash commands between.
    Script,
}

fn judge_file(
    line: &CommandLine<'_>,
    name: &[u8],
    session: &mut statement::Session,
    invocation: &mut Invocation,
) {
    if name == b"-" {
        judge_stdin(line, session, invocation);
        return;
    }
    let path = line.cwd.join(crate::read::path_of(name));
    match line.files.read(&path) {
        Ok(content) => judge_text(&content, Source::Script, session, invocation),
        Err(problem) => {
            let name = String::from_utf8_lossy(name);
            invocation.add(
                Effect::Unknown,
                &format!("can't read script `{name}`: {problem}"),
            );
        }
    }
}

fn judge_stdin(
    line: &CommandLine<'_>,
    session: &mut statement::Session,
    invocation: &mut Invocation,
) {
    match line.stdin {
        Stdin::Content(bytes) => judge_text(bytes, Source::Script, session, invocation),
        Stdin::Terminal => invocation.add(
            Effect::Unknown,
            "psql would run what a person types, which nobody can judge beforehand",
        ),
        Stdin::Absent | Stdin::Unread => {
            invocation.add(
                Effect::Unknown,
                "psql would run standard input, which was not given",
            );
        }
    }
}

fn judge_text(
    text: &[u8],
    source: Source,
    session: &mut statement::Session,
    invocation: &mut Invocation,
) {
    if text.len() > MAX_SCRIPT_BYTES {
        let reason = format!("a script of {} bytes is more than gate reads", text.len());
        invocation.add(Effect::Unknown, &reason);
        return;
    }
    let Ok(text) = std::str::from_utf8(text) else {
        invocation.add(Effect::Unknown, "a script is not UTF-8");
        // What it names is still looked for.
        let shown = String::from_utf8_lossy(text).into_owned();
        let nested = Nested::statement("sql", shown, Effect::Unknown);
        invocation.nested.push(nested);
        return;
    };
    match script::split(text, source == Source::Command) {
        Ok(pieces) => {
            for piece in pieces {
                judge_piece(&piece, session, invocation);
            }
        }
        Err(problem) => {
            invocation.add(Effect::Unknown, problem);
            let nested = Nested::statement("sql", text.to_owned(), Effect::Unknown);
            invocation.nested.push(nested);
        }
    }
}

fn judge_piece(
    piece: &script::Piece<'_>,
    session: &mut statement::Session,
    invocation: &mut Invocation,
) {
    match piece {
        script::Piece::Meta(command) => {
            let (effect, reason) = meta::judge(command);
            invocation.add(effect, &reason);
            let nested = Nested::statement("psql", (*command).to_owned(), effect);
            invocation.nested.push(nested);
        }
        script::Piece::Sql(text) => {
            let judged = statement::judge(text, session);
            for (effect, reason) in &judged {
                invocation.add(*effect, reason);
            }
            let strictest = judged.iter().map(|(effect, _)| *effect).max();
            let effect = strictest.unwrap_or(Effect::Read);
            let nested = Nested::statement("sql", text.trim().to_owned(), effect);
            invocation.nested.push(nested);
        }
    }
}
