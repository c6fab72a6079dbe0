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
/// How many lines of text stand on one page; as many may come in comparisons.
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
    /// Nothing: the client did not send it.
    Absent,
    /// Nothing: it is here, and the page can't bear it.
    Dropped,
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

/// Tells of each input whether the page drops its text. By the texts alone: what is shown and
/// what is answered later must not differ by what was approved before, or by the time.
fn dropped(inputs: &[BoundInput]) -> impl Iterator<Item = bool> {
    let mut left = MOST_LINES;
    inputs.iter().map(move |input| {
        let lines = input
            .content
            .as_deref()
            .map_or(0, |text| lines(text).count());
        let rest = left.checked_sub(lines);
        left = rest.unwrap_or(left);
        rest.is_none()
    })
}

/// Tells whether the page shows all of the texts that came with the request.
pub(super) fn are_whole(inputs: &[BoundInput]) -> bool {
    !dropped(inputs).any(|is_dropped| is_dropped)
}

/// What comparisons can still take of a page.
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
        let of = |(input, is_dropped): (&BoundInput, bool)| {
            let content = match &input.content {
                None => InputContent::Absent,
                Some(_) if is_dropped => InputContent::Dropped,
                Some(text) => shown((input, text), approved, now, &mut bounds),
            };
            Self::of(input, content)
        };
        inputs.iter().zip(dropped(inputs)).map(of).collect()
    }

    fn of(input: &BoundInput, content: InputContent) -> Self {
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
            content,
        }
    }

    /// Tells whether its text is here and not on the page.
    pub(super) fn is_dropped(&self) -> bool {
        matches!(self.content, InputContent::Dropped)
    }

    /// Tells whether a word of the text mixes alphabets.
    pub(super) fn is_odd(&self) -> bool {
        let lines = match &self.content {
            InputContent::Changed(changed) => &changed.whole,
            InputContent::Shown(text) => &text.lines,
            InputContent::Absent | InputContent::Dropped => return self.name.is_odd(),
        };
        self.name.is_odd() || lines.iter().any(|(_, line)| line.is_odd())
    }
}

fn shown(
    (input, text): (&BoundInput, &str),
    approved: &Approved,
    now: Timestamp,
    bounds: &mut Bounds,
) -> InputContent {
    let lines = numbered(text);
    let alone = |note, is_short, lines| {
        InputContent::Shown(Text {
            note,
            lines,
            is_short,
        })
    };
    let is_short = lines.len() <= SHORT_LINES;
    let Some(before) = approved.0.get(&input.name.shown()) else {
        let note = "Nothing of this name was approved for this requester before.";
        return alone(note, is_short, lines);
    };
    let diff = Diff::of(&before.content, text, bounds.until);
    if diff.added + diff.removed == 0 {
        return if before.sha256 == input.sha256 {
            let note = "The same text was approved for this requester before.";
            alone(note, false, lines)
        } else {
            let note = "What is shown of it was approved for this requester before; what is \
                        masked in it is not the same.";
            alone(note, is_short, lines)
        };
    }
    // The text is whole on the page, so the comparison can be left out.
    let Some(left) = bounds.lines.checked_sub(diff.lines.len()) else {
        let note = "Another text of this name was approved for this requester before; what \
                    changed is too much for one page.";
        return alone(note, is_short, lines);
    };
    bounds.lines = left;
    InputContent::Changed(Changed {
        before: before.request.clone(),
        ago: moment::ago(now, before.at),
        summary: diff.summary(),
        lines: diff.lines,
        whole: lines,
    })
}

/// A carriage return is no end of a line here and is shown as what it is.
fn lines(text: &str) -> std::str::Split<'_, char> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

fn numbered(text: &str) -> Vec<(usize, Shown)> {
    lines(text)
        .enumerate()
        .map(|(at, line)| (at + 1, Shown::of(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use gate_protocol::masked::MaskedText;

    use super::*;

    fn input(name: &str, text: String) -> BoundInput {
        BoundInput {
            role: "script".to_owned(),
            name: MaskedText::plain(name.as_bytes()),
            sha256: Digest::of_bytes(text.as_bytes()),
            size_bytes: text.len() as u64,
            delivery: Delivery::Snapshot,
            content: Some(text),
        }
    }

    fn of_lines(name: &str, lines: usize) -> BoundInput {
        input(name, "x\n".repeat(lines))
    }

    #[test]
    fn a_page_has_so_many_lines_and_says_which_text_is_not_on_it() {
        let now = Timestamp::UNIX_EPOCH;
        let mut inputs = vec![
            of_lines("a", MOST_LINES - 10),
            of_lines("b", 11),
            of_lines("c", 10),
        ];
        let shown = Input::all(&inputs, &Approved::default(), now);
        assert_eq!(
            shown.iter().map(Input::is_dropped).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert!(!are_whole(&inputs));
        inputs.remove(1);
        assert!(are_whole(&inputs));
    }

    #[test]
    fn what_was_approved_before_moves_no_text_from_the_page() {
        let now = Timestamp::UNIX_EPOCH;
        let half = MOST_LINES / 2;
        let inputs = [of_lines("a", half), of_lines("b", half)];
        let earlier = |name: &str| {
            let before = Before {
                request: "r".to_owned(),
                at: now,
                content: "y\n".repeat(MOST_LINES),
                sha256: Digest::of_bytes(b"y"),
            };
            (name.to_owned(), before)
        };
        let approved = Approved([earlier("a"), earlier("b")].into());
        let shown = Input::all(&inputs, &approved, now);
        assert!(are_whole(&inputs) && !shown.iter().any(Input::is_dropped));
        // What changed is more than the page bears, and its text stands there whole.
        for one in &shown {
            let InputContent::Shown(text) = &one.content else {
                panic!("{} lines are compared", MOST_LINES + half);
            };
            assert_eq!(text.lines.len(), half);
            assert!(text.note.contains("too much for one page"));
        }
    }
}
