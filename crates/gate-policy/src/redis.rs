//! What redis-cli takes from elsewhere than the words of a command: a server
//! out of an address, commands from standard input, the verbs of `--cluster`.

use std::ffi::OsString;

use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Invocation, Nested, SecretPlace, SecretSpan};
use crate::read::words::{Parsed, Use, shown};
use crate::read::{
    MAX_SCRIPT_BYTES, judge, masked_words, names_a_secret, note_fields, of_operands,
    read_redis_command, replaced, server_and_path,
};

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
    mark_secrets(parsed, invocation);
    judge_cluster(parsed, invocation);
    let is_given = |names: &[&str]| {
        let mut uses = parsed.uses.iter();
        uses.any(|used| names.contains(&used.name.as_ref()))
    };
    if is_given(&["x", "X"]) {
        invocation.add_script_at_stdin();
        // The word that is not seen can be `store`, or a pattern of settings.
        if !invocation.does_more_than_read() {
            let reason = "a word of the command comes from standard input";
            invocation.add(Effect::Unknown, reason);
        }
    } else if is_given(&["pipe"]) {
        invocation.add_script_at_stdin();
    } else if parsed.path.is_empty() && parsed.problems.is_empty() && !is_given(MODES) {
        invocation.add_script_at_stdin();
        judge_stdin(line, parsed, invocation);
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
    let (server, database) = server_and_path(rest);
    let colon = server.iter().rposition(|byte| *byte == b':');
    let colon = colon.filter(|_| server.last() != Some(&b']'));
    let host = server.get(..colon.unwrap_or(server.len()));
    let port = colon.and_then(|at| server.get(at + 1..));
    let (host, port) = (host.unwrap_or_default(), port.unwrap_or_default());
    let fields = [("host", host), ("port", port), ("database", database)];
    note_fields(fields, invocation);
}

/// Marks the passwords that stand behind a word of a command; where one always
/// stands at the same place, the profile says it.
fn mark_secrets(command: &Parsed<'_>, invocation: &mut Invocation) {
    let path: Vec<String> = command
        .path
        .iter()
        .map(|word| word.to_lowercase())
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    // How many words behind this one.
    let distance = |word: &[u8]| {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        match path.as_slice() {
            ["hello"] if is("auth") => Some(2),
            ["migrate"] if is("auth") => Some(1),
            ["migrate"] if is("auth2") => Some(2),
            ["config" | "sentinel", "set"] | ["sentinel", "config"]
                if is("masterauth") || names_a_secret(word) =>
            {
                Some(1)
            }
            _ => None,
        }
    };
    for (at, operand) in command.operands.iter().enumerate() {
        let found = distance(operand.bytes);
        let secret = found.and_then(|distance| command.operands.get(at + distance));
        if let Some(secret) = secret {
            invocation.secrets.push(SecretSpan {
                place: SecretPlace::Argv(secret.argv_index),
                range: 0..secret.bytes.len(),
                kind: "password".to_owned(),
            });
        }
    }
}

/// Judges `--cluster VERB HOST:PORT …`.
fn judge_cluster(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let uses = parsed.uses.iter().filter(|used| used.name == "cluster");
    mark_secret_of_call(uses.clone(), invocation);
    let mut words = uses.filter_map(|used| used.value);
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

/// Marks the password of `--cluster call HOST:PORT auth …`: the last word.
fn mark_secret_of_call<'u>(words: impl Iterator<Item = &'u Use<'u>>, invocation: &mut Invocation) {
    let words: Vec<&Use<'_>> = words.filter(|used| used.value.is_some()).collect();
    let is_secret = |used: &&&Use<'_>| {
        let word = used.value.unwrap_or_default();
        let names = [&b"auth"[..], b"auth2", b"masterauth"];
        names.iter().any(|name| word.eq_ignore_ascii_case(name)) || names_a_secret(word)
    };
    let Some((last, before)) = words.split_last() else {
        return;
    };
    if before.iter().any(|used| is_secret(&used)) {
        invocation.secrets.push(SecretSpan {
            place: SecretPlace::Argv(last.argv_index),
            range: 0..last.value.unwrap_or_default().len(),
            kind: "password".to_owned(),
        });
    }
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
        language: "redis".into(),
        text: without_words(text),
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
    let is_counted = words.len() > 1 && words.first().is_some_and(is_number);
    let count = is_counted.then(|| words.remove(0));
    words.insert(0, OsString::from("redis-cli"));
    let mut command = Parsed::new(parsed.spec, &words);
    read_redis_command(&mut command);
    let before = std::mem::take(&mut invocation.effects);
    // Its words are none of argv, and so are its secrets.
    let outer = std::mem::take(&mut invocation.secrets);
    judge(line, &command, invocation);
    mark_secrets(&command, invocation);
    of_operands(line, &command, invocation);
    let secrets = std::mem::replace(&mut invocation.secrets, outer);
    nested.text = shown(text);
    if !secrets.is_empty() {
        let masked = masked_words(&words, &secrets);
        let count = count.iter().map(|word| shown(word.as_encoded_bytes()));
        let words: Vec<String> = count.chain(masked.into_iter().skip(1)).collect();
        nested.text = words.join(" ");
    }
    nested.effect = invocation.effects.strictest();
    invocation.effects = before.union(invocation.effects);
    invocation.nested.push(nested);
}

/// Returns what is shown of a line whose words are not read: where it can hold a
/// password, only its first word.
fn without_words(text: &[u8]) -> String {
    let folded = text.to_ascii_lowercase();
    let names = [&b"auth"[..], b"pass", b"acl", b"\\"];
    let mut names = names.into_iter();
    let holds = |name: &[u8]| folded.windows(name.len()).any(|part| part == name);
    if !names.any(holds) {
        return shown(text);
    }
    let end = text.iter().position(u8::is_ascii_whitespace);
    let end = end.unwrap_or(text.len());
    replaced(text, (end < text.len()).then_some(end + 1..text.len()))
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
