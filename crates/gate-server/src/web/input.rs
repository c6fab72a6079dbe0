//! The inputs of a request: files and stdin, with their text where the client
//! sent it, and what changed since the last time that it was approved.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;

use super::diff::{Diff, Line};
use super::moment;
use super::shown::Shown;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::Request;
use crate::store::search::{self, Wanted};

/// A text of so many lines is open on the page.
const SHORT_LINES: usize = 40;
/// How many earlier requests are searched for the same file.
const SEARCHED: u64 = 30;
/// How much of them is read, in bytes.
const SEARCHED_BYTES: u64 = 2 << 20;

/// How long the texts of one page are compared with earlier ones.
const COMPARED: Duration = Duration::from_millis(200);
/// How many lines of text stand on one page, the comparisons' among them.
const MOST_LINES: usize = 10_000;

/// A file or stdin.
pub(super) struct Input {
    pub(super) role: Shown,
    pub(super) name: Shown,
    pub(super) size: String,
    pub(super) sha256: String,
    pub(super) delivery: &'static str,
    pub(super) content: InputContent,
}

/// What there is to see of its content.
pub(super) enum InputContent {
    Changed(Changed),
    Shown(Text),
    /// Nothing, and why.
    Absent(&'static str),
}

/// A text beside the one that was approved before.
pub(super) struct Changed {
    /// The request that it was approved for.
    pub(super) before: String,
    pub(super) ago: String,
    pub(super) summary: String,
    pub(super) lines: Vec<Line>,
    pub(super) whole: Vec<(usize, Shown)>,
}

/// A text alone.
pub(super) struct Text {
    pub(super) note: &'static str,
    pub(super) lines: Vec<(usize, Shown)>,
    pub(super) is_short: bool,
}

/// What was approved before for the same requester, by the input's name.
#[derive(Default)]
pub(super) struct Approved(HashMap<String, Before>);

struct Before {
    request: String,
    at: Timestamp,
    content: String,
    sha256: Digest,
}

impl Approved {
    /// Looks for the inputs of `request` among what was approved before it.
    pub(super) async fn before(server: &Server, request: &Request) -> Result<Self, Failure> {
        let mut approved = Self::default();
        if !request
            .invocation
            .inputs
            .iter()
            .any(|i| i.content.is_some())
        {
            return Ok(approved);
        }
        let wanted = Wanted {
            requester: Some(request.state.requester.name.clone()),
            tool: request.invocation.tool.name.clone(),
            before: Some(request.id),
            limit: SEARCHED,
            limit_bytes: SEARCHED_BYTES,
            ..Wanted::default()
        };
        let mut reader = server.store.read().await?;
        let found = search::search(reader.connection(), &wanted).await?;
        for earlier in found.requests.into_iter().filter(was_approved) {
            for input in earlier.invocation.inputs {
                let Some(content) = input.content else {
                    continue;
                };
                // The newest stays.
                approved
                    .0
                    .entry(input.name.shown())
                    .or_insert_with(|| Before {
                        request: earlier.id.to_string(),
                        at: earlier.created_at,
                        content,
                        sha256: input.sha256,
                    });
            }
        }
        Ok(approved)
    }
}

/// Tells whether people said yes to it and saw it: not a standing grant for them,
/// and not a server that only observes.
fn was_approved(request: &Request) -> bool {
    if request.state.is_observed || request.particulars.standing_grant.is_some() {
        return false;
    }
    match request.state.status {
        ApprovalStatus::Approved
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => true,
        ApprovalStatus::Pending
        | ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled => false,
    }
}

/// What a page can still bear.
struct Bounds {
    until: Instant,
    lines: usize,
}

impl Input {
    /// Returns the inputs of one page.
    pub(super) fn all(inputs: &[BoundInput], approved: &Approved, now: Timestamp) -> Vec<Self> {
        let mut bounds = Bounds {
            until: Instant::now() + COMPARED,
            lines: MOST_LINES,
        };
        let of = |input| Self::of(input, approved, now, &mut bounds);
        inputs.iter().map(of).collect()
    }

    fn of(input: &BoundInput, approved: &Approved, now: Timestamp, bounds: &mut Bounds) -> Self {
        Self {
            role: Shown::of(&input.role),
            name: Shown::of_masked(&input.name),
            size: moment::bytes(input.size_bytes),
            sha256: input.sha256.to_string(),
            delivery: match input.delivery {
                Delivery::Snapshot => "runs from a sealed copy of these bytes",
                Delivery::Stdin => "fed from a sealed copy of these bytes",
                Delivery::Copy => {
                    "runs from a private copy of these bytes, hashed again right before the start"
                }
                Delivery::Rechecked => {
                    "read where it is: hashed again right before the start, not after"
                }
            },
            content: content(input, approved, now, bounds),
        }
    }

    /// Tells whether a word of the text mixes alphabets.
    pub(super) fn is_odd(&self) -> bool {
        let lines = match &self.content {
            InputContent::Changed(changed) => &changed.whole,
            InputContent::Shown(text) => &text.lines,
            InputContent::Absent(_) => return self.name.is_odd(),
        };
        self.name.is_odd() || lines.iter().any(|(_, line)| line.is_odd())
    }
}

fn content(
    input: &BoundInput,
    approved: &Approved,
    now: Timestamp,
    bounds: &mut Bounds,
) -> InputContent {
    let Some(text) = &input.content else {
        return InputContent::Absent(
            "Its text is not here: it is no plain text, is long, or can hold secrets.",
        );
    };
    let lines = numbered(text);
    let Some(left) = bounds.lines.checked_sub(lines.len()) else {
        return InputContent::Absent(
            "Its text is not shown: the texts of this request have too many lines for one page.",
        );
    };
    bounds.lines = left;
    let Some(before) = approved.0.get(&input.name.shown()) else {
        return InputContent::Shown(Text {
            note: "Nothing of this name was approved for this requester before.",
            is_short: lines.len() <= SHORT_LINES,
            lines,
        });
    };
    let diff = Diff::of(&before.content, text, bounds.until);
    // The text is shown whole below what changed, so that the latter may end early.
    bounds.lines = bounds.lines.saturating_sub(diff.lines.len());
    if diff.added + diff.removed == 0 {
        return InputContent::Shown(Text {
            note: if before.sha256 == input.sha256 {
                "The same text was approved for this requester before."
            } else {
                "What is shown of it was approved for this requester before; what is masked in it \
                 is not the same."
            },
            is_short: before.sha256 != input.sha256 && lines.len() <= SHORT_LINES,
            lines,
        });
    }
    InputContent::Changed(Changed {
        before: before.request.clone(),
        ago: moment::ago(now, before.at),
        summary: diff.summary(),
        lines: diff.lines,
        whole: lines,
    })
}

fn numbered(text: &str) -> Vec<(usize, Shown)> {
    // A carriage return is no end of a line here and is shown as what it is.
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    lines
        .enumerate()
        .map(|(at, line)| (at + 1, Shown::of(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use gate_protocol::masked::MaskedText;

    use super::*;

    #[test]
    fn a_page_has_so_many_lines_and_says_which_text_is_not_on_it() {
        let input = |name: &str, lines: usize| {
            let text = "x\n".repeat(lines);
            BoundInput {
                role: "script".to_owned(),
                name: MaskedText::plain(name.as_bytes()),
                sha256: Digest::of_bytes(text.as_bytes()),
                size_bytes: text.len() as u64,
                delivery: Delivery::Snapshot,
                content: Some(text),
            }
        };
        let now = Timestamp::UNIX_EPOCH;
        let inputs = [input("a", MOST_LINES - 10), input("b", 11), input("c", 10)];
        let shown = Input::all(&inputs, &Approved::default(), now);
        let is_absent = |input: &Input| matches!(input.content, InputContent::Absent(_));
        assert_eq!(
            shown.iter().map(is_absent).collect::<Vec<_>>(),
            [false, true, false]
        );
    }
}
