//! What a command would do, as its client read it from a plan, manifests or commits: a help for
//! the people who are asked. It decides nothing.

use serde::{Deserialize, Serialize};

use crate::request::shortened;

/// The longest [`Preview::text`], in bytes.
pub const PREVIEW_LIMIT_BYTES: usize = 64 << 10;
/// The longest line of a preview, its summary and its source, in characters.
pub const PREVIEW_LINE_LIMIT: usize = 500;

/// What a command would do, read by the client without starting anything. It is the client's word:
/// the digest covers it, so that everybody is shown the same, and nothing else speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// What it was read from, as `the plan file release.plan`.
    pub source: String,
    /// All of it in one line, as `2 to add, 0 to change, 1 to destroy`.
    pub summary: String,
    /// One line for each thing that would be done, secrets masked.
    pub text: String,
    /// How many more lines there are, which are not in it.
    pub left_out: u64,
}

impl Preview {
    /// Returns the lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').filter(|line| !line.is_empty())
    }

    /// Tells whether each part of it is within its limit.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let fits = |text: &str| shortened(text, PREVIEW_LINE_LIMIT).len() == text.len();
        let lines = self.text.split('\n');
        self.text.len() <= PREVIEW_LIMIT_BYTES
            && [self.source.as_str(), &self.summary]
                .into_iter()
                .chain(lines)
                .all(fits)
    }
}
