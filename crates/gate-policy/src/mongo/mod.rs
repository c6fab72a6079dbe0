//! What mongosh would run: the JavaScript of `--eval`, `--file` and standard
//! input, as far as a small grammar proves it.
//!
//! Read is a chain of members and calls that starts at `db`, `rs` or `sh`, with
//! literals as arguments. Everything else of the language asks: an assignment, a
//! function, an operator, a comment, a string with a backslash.

mod address;
mod chain;
mod methods;

use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested};
use crate::read::words::{Parsed, shown};
use crate::read::{MAX_SCRIPT_BYTES, note_fields, path_of, server_and_path};

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let is_script = |name: &[u8]| {
        let mut ends = [&b".js"[..], b".mongodb", b".cjs", b".mjs"].into_iter();
        ends.any(|end| name.ends_with(end))
    };
    let mut is_scripted = false;
    let mut is_address = true;
    for operand in &parsed.operands {
        if is_script(operand.bytes) {
            is_scripted = true;
            judge_file(line, operand.bytes, invocation);
            invocation.inputs.push(Input {
                argv_index: Some(operand.argv_index),
                range: 0..operand.bytes.len(),
                ..Input::unnamed(InputKind::File, path_of(operand.bytes), "script")
            });
        } else if is_address {
            note_address(operand.bytes, invocation);
            address::judge_options(operand.bytes, invocation);
        } else {
            invocation.add(Effect::Unknown, "mongosh takes one address");
        }
        is_address = false;
    }
    if !parsed.problems.is_empty() {
        return;
    }
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        if used.name == "host" {
            address::judge_options(value, invocation);
        }
        if matches!(used.name.as_ref(), "eval" | "file") {
            is_scripted = true;
            if used.name == "eval" {
                judge_text(value, invocation);
            } else {
                judge_file(line, value, invocation);
            }
        }
    }
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    if is_on("help") || is_on("version") {
        return;
    }
    if !is_scripted {
        judge_stdin(line, invocation);
    }
}

/// Writes what an address names: `mongodb://user:password@host:port/database`,
/// `host:port/database` or a database alone.
fn note_address(address: &[u8], invocation: &mut Invocation) {
    let schemes = [&b"mongodb://"[..], b"mongodb+srv://"];
    let rest = schemes
        .iter()
        .find_map(|scheme| address.strip_prefix(*scheme));
    let is_plain = rest.is_none() && !address.iter().any(|byte| b":/.".contains(byte));
    if is_plain {
        invocation
            .target
            .insert("database".to_owned(), shown(address));
        return;
    }
    let (host, database) = server_and_path(rest.unwrap_or(address));
    note_fields([("host", host), ("database", database)], invocation);
}

fn judge_file(line: &CommandLine<'_>, name: &[u8], invocation: &mut Invocation) {
    match line.files.read(&line.cwd.join(path_of(name))) {
        Ok(content) => judge_text(&content, invocation),
        Err(problem) => {
            let name = shown(name);
            let reason = format!("can't read script `{name}`: {problem}");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

fn judge_stdin(line: &CommandLine<'_>, invocation: &mut Invocation) {
    invocation.add_script_at_stdin();
    // What stands there is typed into the shell, which reads `.mongoshrc.js` first.
    let reason = match line.stdin {
        Stdin::Content(_) => "mongosh runs standard input behind ~/.mongoshrc.js",
        Stdin::Terminal | Stdin::Absent | Stdin::Unread => {
            "mongosh would run what stands at standard input, which was not given"
        }
    };
    invocation.add(Effect::Unknown, reason);
}

fn judge_text(text: &[u8], invocation: &mut Invocation) {
    let text = std::str::from_utf8(text).ok();
    let Some(text) = text.filter(|text| text.len() <= MAX_SCRIPT_BYTES) else {
        invocation.add(Effect::Unknown, "a script is more than gate reads");
        return;
    };
    let mut effects = match chain::effects(text) {
        Ok(effects) => effects,
        Err(problem) => vec![(
            Effect::Unknown,
            format!("a script is not understood: {problem}"),
        )],
    };
    if methods::names_secret_collection(text) {
        let reason = "it names a collection of credentials".to_owned();
        effects.push((Effect::Secret, reason));
    }
    for (effect, reason) in &effects {
        invocation.add(*effect, reason);
    }
    let strictest = effects.iter().map(|(effect, _)| *effect).max();
    invocation.nested.push(Nested {
        language: "javascript".into(),
        text: text.trim().to_owned(),
        effect: strictest.unwrap_or(Effect::Read),
        inner: None,
    });
}
