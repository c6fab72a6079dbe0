//! The commands that sftp takes from a batch file or from standard input.
//!
//! One on a line, its words as a shell would split them; the first word is all
//! that decides. Source: sftp(1), `parse_args` of OpenSSH's `sftp.c`.

use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Invocation, Nested};
use crate::read::words::Parsed;
use crate::read::{MAX_SCRIPT_BYTES, note_host, path_of};

/// How many bytes of a line sftp takes at once: of a longer one the rest is a
/// command of its own.
const LINE_BYTES: usize = 2047;

/// Reads the host and everything that sftp would run there.
pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if let Some(host) = parsed.operands.first() {
        note_host("host", host.bytes, invocation);
    }
    if !parsed.problems.is_empty() || parsed.operands.is_empty() {
        return;
    }
    // A second batch file is opened in place of the first.
    let batch = parsed.uses.iter().rfind(|used| used.name == "b");
    match batch.and_then(|used| used.value) {
        Some(b"-") | None => read_stdin(line, invocation),
        Some(name) => match line.files.read(&line.cwd.join(path_of(name))) {
            Ok(content) => judge(&content, invocation),
            Err(problem) => {
                let name = String::from_utf8_lossy(name);
                let reason = format!("can't read batch `{name}`: {problem}");
                invocation.add(Effect::Unknown, &reason);
            }
        },
    }
}

fn read_stdin(line: &CommandLine<'_>, invocation: &mut Invocation) {
    invocation.add_script_at_stdin();
    match line.stdin {
        Stdin::Content(bytes) => judge(bytes, invocation),
        Stdin::Terminal | Stdin::Absent | Stdin::Unread => invocation.add(
            Effect::Unknown,
            "sftp would run what stands at standard input, which was not given",
        ),
    }
}

fn judge(text: &[u8], invocation: &mut Invocation) {
    if text.len() > MAX_SCRIPT_BYTES || text.contains(&0) {
        invocation.add(Effect::Unknown, "the batch is more than gate reads");
        return;
    }
    for line in text.split(|byte| *byte == b'\n') {
        if line.len() >= LINE_BYTES {
            let reason = "sftp takes a line as long as this one for several";
            invocation.add(Effect::Unknown, reason);
            return;
        }
        // `-` goes on after a failure, `@` does not echo.
        let command = line.trim_ascii_start();
        let skip = command
            .iter()
            .take_while(|byte| matches!(byte, b'-' | b'@' | b' ' | b'\t'));
        let command = command.get(skip.count()..).unwrap_or_default();
        if command.is_empty() || command.starts_with(b"#") || command == b"\r" {
            continue;
        }
        let effect = effect_of(command);
        let text = String::from_utf8_lossy(command.trim_ascii()).into_owned();
        invocation.add(effect, format!("`{text}` has the effect {effect}"));
        invocation.nested.push(Nested {
            language: "sftp".into(),
            text,
            effect,
            inner: None,
        });
    }
}

/// Returns what a line does. A word that holds more than letters can be quoted
/// into another one, and is not understood.
fn effect_of(command: &[u8]) -> Effect {
    if command.starts_with(b"!") {
        return Effect::Execute;
    }
    let mut words = command.split(u8::is_ascii_whitespace);
    let word = words.next().unwrap_or_default().to_ascii_lowercase();
    match word.as_slice() {
        // What stands behind them is text of the user's own shell.
        b"lls" | b"ldir" if words.any(|word| !word.is_empty()) => Effect::Execute,
        b"ls" | b"dir" | b"cd" | b"chdir" | b"pwd" | b"df" | b"lls" | b"ldir" | b"lcd"
        | b"lchdir" | b"lpwd" | b"lumask" | b"version" | b"progress" | b"help" | b"?" | b"bye"
        | b"exit" | b"quit" => Effect::Read,
        b"get" | b"mget" | b"reget" => Effect::Secret,
        b"put" | b"mput" | b"reput" | b"mkdir" | b"lmkdir" | b"rename" | b"ln" | b"symlink"
        | b"cp" | b"copy" => Effect::Write,
        b"rm" | b"delete" | b"rmdir" => Effect::Destroy,
        b"chmod" | b"chown" | b"chgrp" => Effect::Access,
        _ => Effect::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_a_line_says_what_it_does() {
        for (line, effect) in [
            ("ls -l /srv", Effect::Read),
            ("GET a", Effect::Secret),
            ("put a b", Effect::Write),
            ("rm *", Effect::Destroy),
            ("chmod 777 a", Effect::Access),
            ("!id", Effect::Execute),
            ("lls ; id", Effect::Execute),
            ("lls\r", Effect::Read),
            ("\"rm\" a", Effect::Unknown),
            ("l\\s", Effect::Unknown),
        ] {
            assert_eq!(effect_of(line.as_bytes()), effect, "{line}");
        }
    }
}
