//! What a command would do, as its client read it.

use gate_protocol::invocation::BoundInvocation;

use super::shown::Shown;

/// A preview of so many lines is open on the page.
const SHORT_LINES: usize = 60;
/// How lines begin that say that something is lost.
const LOST: [&str; 6] = [
    "DESTROY ", "REPLACE ", "DELETES ", "LOSES ", "destroy ", "delete ",
];
/// How lines begin that say that something is new.
const NEW: [&str; 2] = ["create ", "A "];

/// A preview on the page.
pub(super) struct ShownPreview {
    pub(super) source: Shown,
    pub(super) summary: Shown,
    /// The style of each line, and the line.
    pub(super) lines: Vec<(&'static str, Shown)>,
    pub(super) left_out: u64,
    pub(super) is_short: bool,
}

impl ShownPreview {
    pub(super) fn of(invocation: &BoundInvocation) -> Option<Self> {
        let preview = invocation.preview.as_ref()?;
        let lines: Vec<_> = preview.lines().map(line).collect();
        Some(Self {
            source: Shown::of(&preview.source),
            summary: Shown::of(&preview.summary),
            left_out: preview.left_out,
            is_short: lines.len() <= SHORT_LINES,
            lines,
        })
    }

    /// Tells whether a word in it could be taken for another one.
    pub(super) fn is_odd(&self) -> bool {
        let mut lines = self.lines.iter();
        self.source.is_odd() || self.summary.is_odd() || lines.any(|(_, line)| line.is_odd())
    }
}

fn line(text: &str) -> (&'static str, Shown) {
    let begins = |words: &[&str]| words.iter().any(|word| text.trim_start().starts_with(word));
    let class = match (begins(&LOST), begins(&NEW)) {
        (true, _) => "removed",
        (_, true) => "added",
        (false, false) => "",
    };
    (class, Shown::of(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_is_new_is_marked_by_how_the_line_begins() {
        for (text, class) in [
            ("DESTROY aws_db_instance.shop", "removed"),
            ("  LOSES 1a2b3c4d5e a commit", "removed"),
            ("  A deploy/web.yaml", "added"),
            ("create null_resource.a", "added"),
            ("update delete", ""),
        ] {
            assert_eq!(line(text).0, class, "{text}");
        }
    }
}
