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
use crate::invocation::Invocation;
use crate::read::words::Parsed;

use psql::Psql;

/// How deep scripts may lead to scripts.
const MAX_DEPTH: usize = 16;
/// How many scripts are followed.
const MAX_SCRIPTS: usize = 200;

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
    invocation.way_out = service_of(line);
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
        psql.invocation.add_script_at_stdin();
        psql.judge_stdin();
    }
    psql.say_what_leads_out();
}

/// What a service says of the session counts before the environment, and its
/// file can be another one by the time that psql reads it.
fn service_of(line: &CommandLine<'_>) -> Option<&'static str> {
    let service = line.env.get("PGSERVICE").unwrap_or_default();
    (!service.is_empty()).then_some("its service can set options of its own")
}

/// Tells whether every client takes the name of a script that a script leads to as
/// it is written.
fn is_plain_path(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,@%=".contains(&byte);
    !name.is_empty() && name.bytes().all(is_plain)
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
