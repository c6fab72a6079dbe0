//! What redis-cli takes from elsewhere than the words of a command: a server
//! out of an address, commands from standard input, the verbs of `--cluster`.

use std::ffi::OsString;

use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested, Placement};
use crate::read::words::{Parsed, shown};
use crate::read::{MAX_SCRIPT_BYTES, judge, read_redis_command};

/// The most commands of a script that are read.
const MAX_COMMANDS: usize = 10_000;

/// What redis-cli does instead of running a command.
const MODES: &[&str] = &[
    "bigkeys",
    "cluster",
    "eval",
    "functions-rdb",
    "help",
    "hotkeys",
    "intrinsic-latency",
    "keystats",
    "latency",
    "latency-dist",
    "latency-history",
    "lru-test",
    "memkeys",
    "pipe",
    "rdb",
    "replica",
    "scan",
    "slave",
    "stat",
    "version",
];

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    note_server(parsed, invocation);
    judge_cluster(parsed, invocation);
    let is_given = |names: &[&str]| {
        let mut uses = parsed.uses.iter();
        uses.any(|used| names.contains(&used.name.as_ref()))
    };
    if is_given(&["x", "X"]) {
        add_stdin(invocation);
        // The word that is not seen can be `store`, or a pattern of settings.
        if !invocation.does_more_than_read() {
            let reason = "a word of the command comes from standard input";
            invocation.add(Effect::Unknown, reason);
        }
    } else if parsed.path.is_empty() && parsed.problems.is_empty() && !is_given(MODES) {
        add_stdin(invocation);
        judge_stdin(line, parsed, invocation);
    }
}

fn add_stdin(invocation: &mut Invocation) {
    let is_known = |input: &Input| input.kind == InputKind::Stdin;
    if !invocation.inputs.iter().any(is_known) {
        invocation.inputs.push(Input {
            placement: Placement::Anywhere,
            ..Input::unnamed(InputKind::Stdin, "-".into(), "script")
        });
    }
}

/// Writes the server; of `-u redis://user:password@host:port/database` and the
/// options for its parts the one that stands last counts.
fn note_server(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        let field = match used.name.as_ref() {
            "h" => "host",
            "p" => "port",
            "n" => "database",
            "u" => {
                note_address(value, invocation);
                continue;
            }
            _ => continue,
        };
        invocation.target.insert(field.to_owned(), shown(value));
    }
}

fn note_address(address: &[u8], invocation: &mut Invocation) {
    let schemes = [&b"redis://"[..], b"rediss://", b"valkey://", b"valkeys://"];
    let rest = schemes
        .iter()
        .find_map(|scheme| address.strip_prefix(*scheme));
    let Some(rest) = rest else {
        let reason = "the address of the server is not understood";
        invocation.add(Effect::Unknown, reason);
        return;
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'/');
    let place = parts.next().unwrap_or_default();
    let database = parts.next().unwrap_or_default();
    let at = place.iter().rposition(|byte| *byte == b'@');
    let server = place.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
    let colon = server.iter().rposition(|byte| *byte == b':');
    let colon = colon.filter(|_| server.last() != Some(&b']'));
    let host = server.get(..colon.unwrap_or(server.len()));
    let port = colon.and_then(|at| server.get(at + 1..));
    for (field, value) in [("host", host), ("port", port), ("database", Some(database))] {
        let value = value.unwrap_or_default();
        if !value.is_empty() {
            invocation.target.insert(field.to_owned(), shown(value));
        }
    }
}

/// Judges `--cluster VERB HOST:PORT …`.
fn judge_cluster(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let words = parsed.uses.iter().filter(|used| used.name == "cluster");
    let mut words = words.filter_map(|used| used.value);
    let Some(verb) = words.next() else {
        return;
    };
    if let Some(node) = words.next() {
        invocation.target.insert("host".to_owned(), shown(node));
    }
    let effect = match verb.to_ascii_lowercase().as_slice() {
        b"check" | b"info" | b"help" => Effect::Read,
        b"create" | b"fix" | b"reshard" | b"rebalance" | b"add-node" | b"set-timeout"
        | b"import" => Effect::Write,
        b"del-node" => Effect::Destroy,
        b"backup" => Effect::Secret,
        _ => Effect::Unknown,
    };
    let verb = shown(verb);
    let reason = format!("`--cluster {verb}` has the effect {effect}");
    invocation.add(effect, &reason);
}

fn judge_stdin(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let Stdin::Content(text) = line.stdin else {
        let reason = "redis-cli would run what stands at standard input, which was not given";
        invocation.add(Effect::Unknown, reason);
        return;
    };
    let lines = text.split(|byte| *byte == b'\n');
    if text.len() > MAX_SCRIPT_BYTES || lines.clone().count() > MAX_COMMANDS {
        invocation.add(Effect::Unknown, "the script is more than gate reads");
        return;
    }
    for command in lines {
        judge_line(line, parsed, command.trim_ascii(), invocation);
    }
}

fn judge_line(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    text: &[u8],
    invocation: &mut Invocation,
) {
    // `:set` says how redis-cli itself shows and hints.
    if text.is_empty() || text.starts_with(b":") {
        return;
    }
    let mut nested = Nested {
        language: "redis".to_owned(),
        text: shown(text),
        effect: Effect::Unknown,
        inner: None,
    };
    let Some(mut words) = split(text) else {
        let reason = "a line of the script has quotes or escapes that gate does not read";
        invocation.add(Effect::Unknown, reason);
        invocation.nested.push(nested);
        return;
    };
    // A number in front says how often.
    if words.len() > 1 && words.first().is_some_and(is_number) {
        words.remove(0);
    }
    words.insert(0, OsString::from("redis-cli"));
    let mut command = Parsed::new(parsed.spec, &words);
    read_redis_command(&mut command);
    let before = std::mem::take(&mut invocation.effects);
    judge(line, &command, invocation);
    nested.effect = invocation.effects.strictest();
    invocation.effects = before.union(invocation.effects);
    invocation.nested.push(nested);
}

fn is_number(word: &OsString) -> bool {
    let bytes = word.as_encoded_bytes();
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// Splits a line at blanks. Quoted words are taken where nothing is escaped in
/// them; everything else that a quote can do is not read.
fn split(text: &[u8]) -> Option<Vec<OsString>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = Vec::new();
    let mut rest = text.trim_ascii_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = if matches!(first, '"' | '\'') {
            rest.get(1..)?.split_once(first)?
        } else {
            let end = rest.find(|letter: char| letter.is_ascii_whitespace());
            rest.split_at_checked(end.unwrap_or(rest.len()))?
        };
        let is_plain = !word.contains(['\\', '"', '\'']);
        let ends =
            behind.is_empty() || behind.starts_with(|letter: char| letter.is_ascii_whitespace());
        if !is_plain || !ends {
            return None;
        }
        words.push(OsString::from(word));
        rest = behind.trim_ascii_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_where_the_quotes_are_plain() {
        let words = |text: &str| split(text.as_bytes());
        assert_eq!(words("get  a").unwrap(), ["get", "a"]);
        assert_eq!(words("set 'a b' \"c d\"").unwrap(), ["set", "a b", "c d"]);
        for text in [
            "\"flush\\x61ll\"",
            "get a\"b\"",
            "'a'b",
            "get 'a",
            "fl\\ushall",
        ] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
