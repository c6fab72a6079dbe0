//! argv becomes an [`Invocation`]: the second step of the path of a command.
//!
//! A grammar says what each word is ([`words`]), [`effects`] what the words
//! mean, [`merged`] what variables add to them, [`environment`], [`inputs`], [`followed`], [`mentioned`], [`implicit`] and [`secrets`]
//! what else matters. For psql the statements are read too.

mod argparse;
mod bicep;
mod claimed;
mod composed;
mod effects;
mod environment;
pub(crate) mod fed;
mod find;
mod followed;
mod getopt;
mod git_files;
mod goflag;
mod graphql;
mod implicit;
pub(crate) mod inner;
pub(crate) mod inputs;
mod mentioned;
mod merged;
mod named;
mod paths;
mod pflag;
mod presence;
mod psql_files;
mod published;
mod quoting;
mod redis;
mod remote;
pub(crate) mod scalars;
mod searched;
pub(crate) mod secret_files;
mod secret_letters;
pub(crate) mod secret_names;
mod secrets;
mod sqlite;
pub(crate) mod words;
mod wrapped;
pub(crate) mod written;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::command_line::CommandLine;
use crate::effect::{Effect, EffectSet};
use crate::invocation::{Invocation, OptionUse, Word, WordRole};
use crate::profile::{Profiles, Reader, Text, ToolSpec, find_builtin};
pub(crate) use effects::judge;
pub(crate) use environment::is_loopback;
use inner::Nesting;
pub(crate) use inner::masked_words;
use merged::Merged;
pub use merged::MergedWord;
pub(crate) use paths::{leads_out_of, path_of, plain_join};
pub(crate) use redis::read_command as read_redis_command;
pub(crate) use remote::{note_fields, note_host, server_and_path};
pub(crate) use secret_names::names_a_secret;
pub use secrets::masked_prose;
pub(crate) use secrets::{of_operands, replaced};
use words::{Parsed, shown};
pub(crate) use wrapped::{is_showing, only_names};
use written::Account;

/// The most words that are read. Linux has no such limit; a longer command is
/// not one that a person can judge.
const MAX_WORDS: usize = 10_000;
/// The most bytes of argv that are read: what Linux passes by default.
const MAX_ARGV_BYTES: usize = 2 << 20;
/// The most bytes of a script that are read.
pub(crate) const MAX_SCRIPT_BYTES: usize = 1 << 20;

/// Reads a command line as its tool would.
///
/// It never fails: what can't be read has the effect [`Effect::Unknown`] and
/// its reasons say why.
pub fn read_invocation(line: &CommandLine<'_>) -> Invocation {
    Profiles::built_in().read_invocation(line)
}

/// Reads a command line by these profiles.
pub(crate) fn read_by(profiles: &Profiles, line: &CommandLine<'_>) -> Invocation {
    let account = Account::default();
    let nesting = Nesting::outermost(profiles, &account);
    let mut invocation = read_nested(line, nesting);
    written::judge(line, nesting, &mut invocation);
    if invocation.known {
        inner::doubt_program_of_folder(line, &mut invocation);
    }
    invocation.effect = invocation.effects.strictest();
    invocation
}

/// Reads a command line that stands so deep in others.
fn read_nested(line: &CommandLine<'_>, nesting: Nesting<'_>) -> Invocation {
    let name = line
        .argv
        .first()
        .map_or(&b""[..], |name| base_name(name.as_encoded_bytes()));
    let is_too_long = is_too_long(line.argv);
    let spec = find_builtin(name).filter(|_| !is_too_long);
    let mut invocation = blank(match spec {
        Some(spec) => spec.name.clone(),
        None => Cow::Owned(shown(name)),
    });
    if is_too_long {
        invocation.reasons.push(format!(
            "{} words of {} bytes are more than gate reads",
            line.argv.len(),
            length_bytes(line.argv)
        ));
        // It is still recorded, and by an owner's rule it may still run.
        environment::read_foreign(line, &mut invocation);
        secrets::find(line, &mut invocation);
        return invocation;
    }
    if let Some(spec) = spec {
        read_whole(line, spec, nesting, &mut invocation);
        return invocation;
    }
    let own = nesting.profiles().find(name);
    if let Some(own) = own.filter(|own| own.is_owners()) {
        read_whole(line, &own.tool, nesting, &mut invocation);
        invocation.profile = Some(own.used.clone());
        return invocation;
    }
    let why = match own {
        None => format!("gate has no profile of `{}`", invocation.tool),
        Some(own) => format!(
            "of `{}` only the {} layer has a profile, which can only make gate stricter",
            invocation.tool, own.used.layer
        ),
    };
    invocation.reasons.push(why);
    read_foreign(line, &mut invocation);
    if let Some(own) = own {
        claimed::read(line, own, nesting, &mut invocation);
    }
    secrets::find(line, &mut invocation);
    invocation.effect = invocation.effects.strictest();
    invocation
}

/// Reads a command line by the tables of its tool.
fn read_whole(
    line: &CommandLine<'_>,
    spec: &ToolSpec,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let merged = Merged::of(line, spec);
    let longer = merged.as_ref().filter(|merged| !merged.argv.is_empty());
    let line = &CommandLine {
        argv: longer.map_or(line.argv, |merged| &merged.argv),
        ..*line
    };
    let mut parsed = Parsed::new(spec, line.argv);
    parsed.merged = merged.as_ref();
    read_known(line, parsed, nesting, invocation);
    secrets::find(line, invocation);
    invocation.effect = invocation.effects.strictest();
    implicit::find(line, spec, invocation);
    if let Some(merged) = merged {
        merged.settle(invocation);
    }
}

/// Tells whether a command has more words or bytes than gate reads. Its effect is then `unknown`,
/// and no approval can be bound to it: nobody can judge it, and what its tool would make of the
/// environment is not known.
pub fn is_too_long(argv: &[OsString]) -> bool {
    argv.len() > MAX_WORDS || length_bytes(argv) > MAX_ARGV_BYTES
}

/// Tells whether the tool is started only to say what can stand at the cursor, by the variable with
/// which bash says so (`complete -C`): whatever its words are, it does nothing else.
///
/// A command inside another may get another environment than the one that is seen here (`sudo`,
/// `ssh`, `unset`), so of those it is never said.
fn only_completes(line: &CommandLine<'_>, spec: &ToolSpec) -> bool {
    let variable = &*spec.completed_by;
    !variable.is_empty()
        && line
            .env
            .get(variable)
            .is_some_and(|value| !value.is_empty())
}

fn judge_words(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    if nesting.is_outermost() && only_completes(line, parsed.spec) {
        let variable = &parsed.spec.completed_by;
        let reason = format!("`{variable}` is set: it only completes a line");
        return invocation.add(Effect::Read, reason);
    }
    judge(line, parsed, invocation);
    presence::judge(line, parsed, invocation);
}

/// Returns the bytes of all words, each with the zero behind it.
fn length_bytes(argv: &[OsString]) -> usize {
    argv.iter().map(|word| word.len() + 1).sum()
}

fn read_known(
    line: &CommandLine<'_>,
    mut parsed: Parsed<'_>,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let spec = parsed.spec;
    parsed.read();
    invocation.tool.clone_from(&spec.name);
    invocation.known = true;
    invocation.effects = EffectSet::default();
    invocation.own_effects = EffectSet::default();
    invocation.held_effects = EffectSet::default();
    judge_words(line, &parsed, nesting, invocation);
    secrets::of_flags(&parsed, invocation);
    of_operands(line, &parsed, invocation);
    inputs::find(line, &parsed, invocation);
    match spec.reader {
        Reader::Tables => {}
        Reader::Psql => crate::sql::read_psql(line, &parsed, invocation),
        Reader::Shell => crate::shell::read(line, &parsed, nesting, invocation),
        Reader::Find => find::read(line, &parsed, nesting, invocation),
        Reader::Sftp => crate::sftp::read(line, &parsed, invocation),
        Reader::Redis => crate::redis::read(line, &parsed, invocation),
        Reader::Mysql => crate::sql::read_mysql(line, &parsed, invocation),
        Reader::Sqlite => crate::sql::read_sqlite(line, &parsed, invocation),
        Reader::Mongo => crate::mongo::read(line, &parsed, invocation),
        Reader::Ansible => crate::ansible::read(line, &parsed, invocation),
        Reader::Sed => crate::sed::read(&parsed, invocation),
        Reader::Awk => crate::awk::read(&parsed, invocation),
        Reader::Jq => crate::jq::read(&parsed, invocation),
        Reader::Docker => composed::read(line, &parsed, invocation),
        Reader::Npm => published::read_npm(line, &parsed, invocation),
        Reader::Cargo => published::read_cargo(line, &parsed, invocation),
    }
    wrapped::read(line, &parsed, nesting, invocation);
    environment::read(line, &parsed, invocation);
    let Parsed {
        words,
        path,
        uses,
        operands,
        ..
    } = parsed;
    invocation.command = path;
    invocation.words = words;
    invocation.options = options(uses);
    invocation.operands = operands
        .iter()
        .map(|operand| operand.bytes.to_vec())
        .collect();
    mentioned::in_words(line, invocation);
    if spec.reader == Reader::Psql {
        crate::sql::refuse_several_servers(invocation);
        psql_files::find(line, invocation);
    }
    crate::target::resolve(line, spec, invocation);
    if spec.reader == Reader::Docker {
        searched::judge(invocation);
    }
}

/// Returns the uses of options as they are shown.
fn options(uses: Vec<words::Use<'_>>) -> Vec<OptionUse> {
    let shown = |used: words::Use<'_>| OptionUse {
        value: used
            .value
            .map(<[u8]>::to_vec)
            .or_else(|| (!used.on).then(|| b"false".to_vec())),
        range: used.start..used.start + used.value.map_or(0, <[u8]>::len),
        name: used.name,
        argv_index: used.argv_index,
    };
    uses.into_iter().map(shown).collect()
}

fn read_foreign(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for index in 0..line.argv.len() {
        invocation.words.push(Word {
            role: if index == 0 {
                WordRole::Tool
            } else {
                WordRole::Unknown
            },
            name: Cow::Borrowed(""),
        });
    }
    environment::read_foreign(line, invocation);
    mentioned::in_words(line, invocation);
}

/// An invocation of which nothing is known.
fn blank(tool: Text) -> Invocation {
    Invocation {
        tool,
        known: false,
        profile: None,
        command: Vec::new(),
        effect: Effect::Unknown,
        effects: EffectSet::of(Effect::Unknown),
        own_effects: EffectSet::of(Effect::Unknown),
        held_effects: EffectSet::of(Effect::Unknown),
        way_out: Some("it is no session of psql"),
        leaves_database: false,
        reasons: Vec::new(),
        words: Vec::new(),
        merged: Vec::new(),
        options: Vec::new(),
        operands: Vec::new(),
        target: BTreeMap::new(),
        inputs: Vec::new(),
        secrets: Vec::new(),
        environment: Vec::new(),
        nested: Vec::new(),
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
