//! What a command would do, for the people who are asked, read from what it is bound to.
//!
//! Nothing is started for it: not the tool, no program beside it, no plugin. `terraform show` loads
//! the providers' programs and `git log` what a repository's settings name, so a preview by them
//! would run what nobody has approved. What is read here are files: a plan, manifests, commits.
//! It helps people and decides nothing: what can't be read has no preview.

mod folder;
mod git_push;
mod objects;
mod plan;
mod protobuf;
mod zip;

use std::path::{Path, PathBuf};

use gate_policy::{Input, Invocation, masked_prose};
use gate_protocol::preview::{PREVIEW_LIMIT_BYTES, PREVIEW_LINE_LIMIT, Preview};
use gate_protocol::request::shortened;

pub(crate) use git_push::Push;

/// What is found, before it is masked and bounded.
struct Found {
    /// What it was read from.
    source: String,
    /// All of it in one line.
    summary: String,
    /// One line for each thing that would be done.
    lines: Vec<String>,
}

/// What a preview is read from.
pub(crate) struct Seen<'a> {
    /// The command.
    pub(crate) invocation: &'a Invocation,
    /// Returns the bytes of an input as they are bound.
    pub(crate) bytes: &'a dyn Fn(&Input) -> Option<Vec<u8>>,
    /// Returns the copy of a folder that the tool will read.
    pub(crate) folder: &'a dyn Fn(&Input) -> Option<PathBuf>,
    /// The push that it is.
    pub(crate) push: Option<&'a Push>,
    /// The values that are masked in the command itself.
    pub(crate) secrets: &'a [String],
}

/// Returns the preview of a command where there is one.
pub(crate) fn of(seen: &Seen<'_>) -> Option<Preview> {
    let found = match &*seen.invocation.tool {
        "terraform" | "tofu" => plan::of(seen),
        "kubectl" => objects::of(seen),
        "git" => seen.push.and_then(Push::found),
        _ => None,
    };
    found.map(|found| bounded(&found.without_its_title(), seen.secrets))
}

impl Found {
    /// Returns it without a first line that says what the summary says.
    fn without_its_title(mut self) -> Self {
        if self.lines.first() == Some(&self.summary) {
            self.lines.remove(0);
        }
        self
    }
}

/// Masks each line and keeps as many as fit. What is left out is counted.
fn bounded(found: &Found, secrets: &[String]) -> Preview {
    let shown = |text: &str| {
        let masked = masked_prose(text, secrets);
        shortened(&masked.replace('\n', "\u{2424}"), PREVIEW_LINE_LIMIT).into_owned()
    };
    let mut text = String::new();
    let mut left_out = 0;
    for line in &found.lines {
        let line = shown(line);
        if left_out > 0 || text.len() + line.len() + 1 > PREVIEW_LIMIT_BYTES {
            left_out += 1;
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    Preview {
        source: shown(&found.source),
        summary: shown(&found.summary),
        text,
        left_out,
    }
}

/// Returns a path as it was written, lossily.
fn named(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns `count` with its unit, which takes an s where there are several.
fn counted(count: usize, unit: &str) -> String {
    match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: Vec<String>) -> Found {
        Found {
            source: "the plan file p".to_owned(),
            summary: "1 to add".to_owned(),
            lines,
        }
    }

    #[test]
    fn a_preview_has_a_limit_and_counts_what_is_left_out() {
        let line = "x".repeat(1 << 10);
        let lines = vec![line; 200];
        let preview = bounded(&found(lines), &[]);
        assert!(preview.text.len() <= PREVIEW_LIMIT_BYTES);
        let kept = preview.text.split('\n').count();
        assert_eq!(kept as u64 + preview.left_out, 200);
        assert!(preview.left_out > 0);
    }

    #[test]
    fn a_secret_in_a_preview_is_masked_and_a_name_makes_no_line_of_its_own() {
        let lines = vec![
            "commit: set the cache to redis://u:Hunter2-Pw@cache.example/0".to_owned(),
            "create a\n  delete b".to_owned(),
            "the code is Quite-Another-1".to_owned(),
        ];
        let preview = bounded(&found(lines), &["Quite-Another-1".to_owned()]);
        assert!(!preview.text.contains("Hunter2-Pw"), "{}", preview.text);
        assert!(!preview.text.contains("Quite-Another"), "{}", preview.text);
        assert_eq!(preview.text.split('\n').count(), 3, "{}", preview.text);
    }
}
