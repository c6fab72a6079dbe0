//! The answer of a command, on stdout.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use gate_protocol::inert::inert;
use serde::Serialize;

use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::report;

/// `SIGPIPE`, which has this number on every system that gate is built for.
const SIGPIPE: i32 = 13;

/// Writes text that is shown as it is, but that no CI system finds a command in it.
///
/// When nobody reads any more, the process ends the way `cat` would: by
/// SIGPIPE and without a word. Rust ignores that signal before `main`, so the
/// error is where it shows.
///
/// # Errors
/// stdout can't be written to, as on a full disk.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    write(&report::without_commands(text, report::BRACKET))
}

/// Writes a file of TOML, whose strings know the escape of JSON.
///
/// # Errors
/// As [`text`].
pub(crate) fn toml(file: &str) -> Result<(), Failure> {
    write(&report::without_commands(file, report::JSON_BRACKET))
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Signal(SIGPIPE).leave(),
        Err(error) => Err(
            Failure::new(FailureKind::Internal, "cannot write the answer to stdout")
                .caused_by(error),
        ),
    }
}

/// Writes one line.
///
/// # Errors
/// As [`text`].
pub(crate) fn line(line: &str) -> Result<(), Failure> {
    text(&format!("{line}\n"))
}

/// Writes one value as one line of JSON.
///
/// # Errors
/// As [`text`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let encoded = serde_json::to_string(value).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot write the answer as JSON").caused_by(error)
    })?;
    let printable = printable(&encoded);
    let safe = report::without_commands(&printable, report::JSON_BRACKET);
    write(&format!("{safe}\n"))
}

/// Returns the same JSON in which no character can act on a terminal: whatever
/// [`inert`] would escape stands as `\u` and four digits.
///
/// Outside of ASCII, JSON has characters in strings only, where each may be
/// written so; inside of it, `serde_json` has escaped the controls already.
/// Source: RFC 8259 section 7.
pub(crate) fn printable(json: &str) -> Cow<'_, str> {
    // Without a branch for each byte: nearly every answer is plain.
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte);
    if json.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return Cow::Borrowed(json);
    }
    let mut printable = String::with_capacity(json.len());
    for c in json.chars() {
        let is_shown = c == '\\' || matches!(inert(c.encode_utf8(&mut [0; 4])), Cow::Borrowed(_));
        if is_shown {
            printable.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String can't fail.
            let _ = write!(printable, "\\u{unit:04x}");
        }
    }
    Cow::Owned(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_json_says_the_same_and_moves_no_cursor() {
        let value = serde_json::json!({ "a\u{9b}": ["\u{1b}[2J\n", "\u{202e}x\u{7f}", "é東\u{1f600}", "\\u001b \"q\""] });
        let json = value.to_string();
        let text = printable(&json);
        assert!(
            text.is_ascii() || !text.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{1b}']),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
