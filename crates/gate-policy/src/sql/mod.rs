//! The statements and backslash commands that psql would run.

mod connection;
mod foreign;
mod grammar;
mod meta;
mod psql;
mod script;
mod statement;
mod variables;

use std::ffi::OsString;

use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement};
use crate::read::words::Parsed;

use psql::Psql;

pub(crate) use connection::refuse_several_servers;
pub(crate) use foreign::{read_mysql, read_sqlite};

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
    let mut psql = Psql::new(line, invocation);
    psql.take_variables(parsed);
    let mut is_scripted = false;
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        if used.name == "command" {
            is_scripted = true;
            psql.judge_command(value);
        } else if used.name == "file" {
            is_scripted = true;
            psql.judge_file(value);
        }
    }
    if !is_scripted {
        psql.invocation.inputs.push(Input {
            placement: Placement::Anywhere,
            ..Input::unnamed(InputKind::Stdin, "-".into(), "script")
        });
        psql.judge_stdin();
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
