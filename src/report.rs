//! The only writer to the user's stderr.
//!
//! Every line of ours starts with `gate: `, so that nobody takes it for the
//! tool's; a closed or full stderr is no reason to stop.

use std::borrow::Cow;
use std::io::Write as _;

use gate_protocol::inert::inert;

use crate::failure::Failure;
use crate::progress::Mark;

/// What stands for a bracket in a line.
pub(crate) const BRACKET: &str = "\\u{5b}";
/// The same in JSON.
pub(crate) const JSON_BRACKET: &str = "\\u005b";

/// Writes one line. `text` is ours: what came from a command, a reason or a
/// name must have been through [`inert`] when it was put in.
pub(crate) fn line(text: &str) {
    lines(&format!("gate: {text}\n"));
}

/// Writes each line of a failure.
pub(crate) fn failure(failure: &Failure) {
    for text in told(failure) {
        line(&text);
    }
}

/// Returns the lines of a failure, inert.
pub(crate) fn told(failure: &Failure) -> Vec<String> {
    let lines = failure.lines();
    lines.iter().map(|text| shown(text)).collect()
}

/// Returns a text of a failure as it is shown, to a person or in an event.
///
/// Its parts were made inert where they were put in; what a library says was
/// not. A second time changes nothing but the backslashes of the first.
pub(crate) fn shown(text: &str) -> String {
    inert(text).replace("\\\\", "\\")
}

/// Writes whole lines for a person, prefix and newline included, among them the
/// marks of a section.
pub(crate) fn lines(text: &str) {
    write(&without_commands(text, BRACKET));
}

/// Writes a command of ours to the CI system around us.
pub(crate) fn mark(mark: &Mark) {
    write(mark.as_str());
}

/// Writes JSON events for a program, whole lines. A CI system reads them too.
pub(crate) fn events(json: &str) {
    write(&without_commands(json, JSON_BRACKET));
}

fn write(text: &str) {
    // Nobody is left to be told when stderr is gone; the run goes on.
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// Returns `text` so that no CI system finds a command in the middle of it:
/// `escape` stands for the bracket that would begin one.
///
/// The runners of GitHub and Azure obey `##[…]` and `##vso[…]` anywhere in a
/// line, and a command line, a rule or a comment could hold one. Any word may
/// stand before the bracket here, because each system has its own.
///
/// Source: `ActionCommand.TryParse` of actions/runner, and "Logging commands"
/// of Azure Pipelines.
pub(crate) fn without_commands<'a>(text: &'a str, escape: &str) -> Cow<'a, str> {
    if !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + escape.len());
    let mut parts = text.split('[').peekable();
    while let Some(part) = parts.next() {
        safe.push_str(part);
        if parts.peek().is_some() {
            let before = part.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
            safe.push_str(if before.ends_with("##") { escape } else { "[" });
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_holds_a_command_of_a_ci_system() {
        for (text, safe) in [
            ("a ##[error]b", "a ##\\u{5b}error]b"),
            ("##vso[task.x]##[y]", "##vso\\u{5b}task.x]##\\u{5b}y]"),
            ("###[x", "###\\u{5b}x"),
            ("##VsO[x", "##VsO\\u{5b}x"),
            ("##teamcity[x", "##teamcity\\u{5b}x"),
            ("#[x] ## [y] a[0]", "#[x] ## [y] a[0]"),
            ("a[0]", "a[0]"),
        ] {
            assert_eq!(without_commands(text, BRACKET), safe);
        }
    }

    #[test]
    fn an_event_means_the_same_without_the_command() {
        let json = serde_json::to_string(&["##[a]", "##vso[b]", "[c]"]).unwrap();
        let safe = without_commands(&json, JSON_BRACKET);
        assert!(!safe.contains("##[") && !safe.contains("##vso["), "{safe}");
        let read: Vec<String> = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, ["##[a]", "##vso[b]", "[c]"]);
    }
}
