//! What the shims allowed becomes events of the queue: whoever opens it takes what is there.
//!
//! The queue is locked, and so is the journal, until its entries are on the disk in the queue; only
//! then is it emptied. A crash in between leaves the last of them as the last event of the queue,
//! for nothing else is appended before the rest is: by that one it is known which were taken.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use gate_protocol::event::{ClientEvent, DecidedFact, Fact};
use gate_protocol::masked::MaskedText;
use gate_shim::journal::{self, Entry};
use gate_shim::place;
use jiff::Timestamp;

use super::queue::Queue;
use super::{Durability, Spool, SpoolError, at};
use crate::circumstances::MODE;
use crate::durable;

use std::os::unix::ffi::OsStrExt as _;

/// How a journal is named of which a part was no entry.
const ASIDE: &str = "allowed-damaged";

impl Spool {
    /// Takes what the shims recorded; the lock must be held.
    pub(super) fn take_allowed(&mut self) -> Result<(), SpoolError> {
        let path = place::journal(&self.folder);
        let Some(mut held) = journal::hold(&path).map_err(at("lock", &path))? else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        held.read_to_end(&mut bytes).map_err(at("read", &path))?;
        if bytes.is_empty() {
            return Ok(());
        }
        let found = journal::read(&bytes);
        if found.damaged_bytes > 0 {
            // A write that was cut off; it is kept for whoever wants to look.
            let aside = self.folder.join(ASIDE);
            durable::replace(&aside, &bytes).map_err(at("set aside", &path))?;
        }
        let mut queue = self.queue()?;
        append_all(&mut queue, found.entries)?;
        empty(&held, &path)
    }
}

/// Makes an empty journal where there is none: a shim makes no file.
///
/// # Errors
/// It can't be made.
pub(crate) fn make_journal(folder: &Path) -> std::io::Result<()> {
    let path = place::journal(folder);
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    durable::create(&path, b"")
}

fn empty(held: &File, path: &Path) -> Result<(), SpoolError> {
    held.set_len(0).map_err(at("empty", path))
}

fn append_all(queue: &mut Queue, entries: Vec<Entry>) -> Result<(), SpoolError> {
    let taken: Vec<(Timestamp, Fact)> = entries.into_iter().map(event).collect();
    let is_last = |known: &(Timestamp, Fact)| {
        let last = queue.last_event();
        last.is_some_and(|last| (last.at, &last.fact) == (known.0, &known.1))
    };
    let behind = taken.iter().rposition(is_last).map_or(0, |last| last + 1);
    let mut left = taken.into_iter().skip(behind).peekable();
    while let Some((at, fact)) = left.next() {
        let event = ClientEvent {
            seq: queue.last().seq + 1,
            prev: queue.last().hash,
            at,
            fact,
        };
        let how = if left.peek().is_some() {
            Durability::Written
        } else {
            Durability::Synced
        };
        queue.append(&event, how)?;
    }
    Ok(())
}

fn event(entry: Entry) -> (Timestamp, Fact) {
    let words = entry.argv.iter();
    let shown: Vec<String> = words
        .map(|word| MaskedText::plain(word.as_bytes()).shown_word())
        .collect();
    let at = Timestamp::from_nanosecond(i128::from(entry.at_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    let decided = DecidedFact {
        decision: gate_policy::Decision::Allow.as_str().to_owned(),
        tool: entry.tool,
        command: entry.command,
        effect: entry.effect,
        rule: entry.rule,
        shown: shown.join(" "),
        whole: None,
        cwd: entry.cwd.to_string_lossy().into_owned(),
        mode: MODE,
    };
    (at, Fact::Decided(decided.shortened()))
}
