//! The queue file: whole lines, each one event, from the confirmed position on.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gate_protocol::canonical::{from_strict_slice, to_canonical_bytes};
use gate_protocol::event::{ClientEvent, EVENT_LIMIT_BYTES, EventBatch};
use nix::libc::O_NOFOLLOW;

use super::chain::Chain;
use super::reserve::{needed, set_aside};
use super::{COMPACT_BYTES, Durability, Position, SpoolError, at};
use crate::durable;

/// How much of the end of the file holds its last whole line, in bytes: a line, the end of the one
/// before it, and after it as much of another as a write that was cut off leaves behind.
const TAIL_BYTES: u64 = 2 * (EVENT_LIMIT_BYTES as u64 + 1) + 1;
/// How much of the end of the file is read first, in bytes.
const SHORT_TAIL_BYTES: u64 = 16 << 10;
/// The name of the queue file.
pub(super) const FILE: &str = "events.jsonl";
/// How the name of a queue that was set aside begins.
pub(super) const ASIDE: &str = "damaged-";

/// Where an event finds room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// In what is set aside for its run.
    Reserved,
    /// Beside what is set aside for runs under way, so many bytes.
    Beside(u64),
}

/// An open queue; its lock is held by whoever opened it.
#[derive(Debug)]
pub(super) struct Queue {
    path: PathBuf,
    file: File,
    last: Position,
    length_bytes: u64,
}

impl Queue {
    /// Opens the file and finds its last event, without reading the rest.
    /// `None` where what is there can't go on from `confirmed`: the file is
    /// gone, its last line is damaged, or it ends before what the server has.
    pub(super) fn open(folder: &Path, confirmed: &Position) -> Result<Option<Self>, SpoolError> {
        let path = folder.join(FILE);
        // A link in its place would have gate write into a file of somebody else's choice.
        let mut options = OpenOptions::new();
        options.read(true).append(true).custom_flags(O_NOFOLLOW);
        let mut file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at("open", &path)(error)),
        };
        let length = file.metadata().map_err(at("read", &path))?.len();
        let (tail_start, tail) = tail(&mut file, length).map_err(at("read", &path))?;
        let whole = whole_lines(&tail);
        let length_bytes = tail_start + whole.len() as u64;
        let last = match lines(whole).next_back() {
            None if length_bytes == 0 => Some(confirmed.clone()),
            None => None,
            Some(line) => last_position(line, confirmed),
        };
        let Some(last) = last else {
            return Ok(None);
        };
        if length > length_bytes {
            // A torn tail was never relied on: its sync did not return.
            file.set_len(length_bytes).map_err(at("mend", &path))?;
        }
        let queue = Self {
            path,
            file,
            last,
            length_bytes,
        };
        if length > length_bytes {
            drop(queue.set_aside_again());
        }
        Ok(Some(queue))
    }

    /// Returns the last event's place and hash.
    pub(super) fn last(&self) -> &Position {
        &self.last
    }

    /// Appends one event as one write.
    pub(super) fn append(
        &mut self,
        event: &ClientEvent,
        how: Durability,
        room: Room,
    ) -> Result<(), SpoolError> {
        let mut line = to_canonical_bytes(event)?;
        if line.len() > EVENT_LIMIT_BYTES {
            return Err(SpoolError::TooLong { bytes: line.len() });
        }
        let hash = event.hash()?;
        line.push(b'\n');
        if let Room::Beside(bytes @ 1..) = room {
            self.set_aside(bytes + line.len() as u64)?;
        }
        let written = self.file.write_all(&line).and_then(|()| match how {
            Durability::Written => Ok(()),
            Durability::Synced => self.file.sync_data(),
        });
        if let Err(error) = written {
            // Nobody may rely on it, so nobody may find it. Source: fsync(2);
            // after a failed sync the pages may be gone, so it is not tried again.
            drop(self.file.set_len(self.length_bytes));
            drop(self.set_aside_again());
            return Err(at("append to", &self.path)(error));
        }
        self.length_bytes += line.len() as u64;
        self.last.seq = event.seq;
        self.last.hash = hash;
        Ok(())
    }

    /// Sets so much space aside after the last event, without changing the length; false where the
    /// file system can't.
    pub(super) fn set_aside(&self, bytes: u64) -> Result<bool, SpoolError> {
        set_aside(&self.file, self.length_bytes, bytes)
            .map_err(at("set space aside in", &self.path))
    }

    /// Sets aside what runs under way need, after the file was cut off: that gave back what stood
    /// behind its end.
    fn set_aside_again(&self) -> Result<(), SpoolError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        self.set_aside(needed(folder)?).map(drop)
    }

    /// Returns the events after `confirmed`, as many as one batch holds; `None`
    /// where they are not the unbroken chain that was written.
    pub(super) fn batch_after(
        &mut self,
        confirmed: &Position,
    ) -> Result<Option<Vec<ClientEvent>>, SpoolError> {
        let Some(mut events) = self.after(confirmed)? else {
            return Ok(None);
        };
        let capacity = EventBatch::capacity(events.iter().map(|(_, length)| *length));
        events.truncate(capacity);
        Ok(Some(events.into_iter().map(|(event, _)| event).collect()))
    }

    /// Returns all events after `confirmed`, each with its length in bytes; `None` where they are
    /// not the unbroken chain that was written. What stands before the last confirmed one is not
    /// read: the server has it, and a queue may be long.
    pub(super) fn after(
        &mut self,
        confirmed: &Position,
    ) -> Result<Option<Vec<(ClientEvent, usize)>>, SpoolError> {
        let mut wanted = SHORT_TAIL_BYTES;
        loop {
            let start = self.length_bytes.saturating_sub(wanted);
            let bytes = read_from(&mut self.file, start).map_err(at("read", &self.path))?;
            let Some(mut events) = back_to(lines_behind(start, &bytes), confirmed.seq) else {
                return Ok(None);
            };
            let is_reached = |(event, _): &(ClientEvent, usize)| event.seq <= confirmed.seq;
            if start == 0 || events.first().is_some_and(is_reached) {
                let mut chain = Chain::from(confirmed);
                let is_chain = events.iter().all(|(event, _)| chain.take(event).is_ok());
                events.retain(|event| !is_reached(event));
                return Ok(is_chain.then_some(events));
            }
            wanted *= 4;
        }
    }

    /// Returns the events that stand in the file behind the one of that number.
    pub(super) fn events_behind(&mut self, seq: u64) -> Result<Vec<ClientEvent>, SpoolError> {
        let bytes = read_from(&mut self.file, 0).map_err(at("read", &self.path))?;
        let events = lines(whole_lines(&bytes)).rev();
        let events = events.map_while(|line| from_strict_slice::<ClientEvent>(line).ok());
        let mut behind: Vec<ClientEvent> = events.take_while(|event| event.seq > seq).collect();
        behind.reverse();
        Ok(behind)
    }

    /// Tells whether the file is long, and its every event confirmed.
    pub(super) fn is_compacted_by(&self, confirmed: &Position) -> bool {
        self.length_bytes > COMPACT_BYTES && *confirmed == self.last
    }
}

/// Puts a queue with these lines at `path`, and behind them what is set aside for runs under way as
/// far as there is room: what must be recorded goes before.
pub(super) fn put(folder: &Path, path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let prepare = |file: &File| {
        drop(needed(folder).map(|bytes| set_aside(file, lines.len() as u64, bytes)));
        Ok(())
    };
    durable::replace_prepared(path, lines, prepare)
}

/// Puts an empty queue in place of the one there, with room set aside in it for runs under way.
pub(super) fn empty(folder: &Path) -> Result<(), SpoolError> {
    let path = folder.join(FILE);
    let bytes = needed(folder)?;
    durable::replace_prepared(&path, b"", |file| set_aside(file, 0, bytes).map(drop))
        .map_err(at("empty", &path))
}

/// Returns the end of the file with its last whole line in it, and where that end starts. Most
/// lines are short, so a little is read first.
fn tail(file: &mut File, length: u64) -> std::io::Result<(u64, Vec<u8>)> {
    let mut wanted = SHORT_TAIL_BYTES;
    loop {
        let start = length.saturating_sub(wanted);
        let bytes = read_from(file, start)?;
        let breaks = bytes.iter().filter(|byte| **byte == b'\n').take(2).count();
        if breaks == 2 || start == 0 || wanted >= TAIL_BYTES {
            return Ok((start, bytes));
        }
        wanted = TAIL_BYTES;
    }
}

fn read_from(file: &mut File, start: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the whole lines of what stands in a file from `start` on: in its middle the first one is
/// a part of a line.
fn lines_behind(start: u64, bytes: &[u8]) -> &[u8] {
    let whole = whole_lines(bytes);
    let is_end = |byte: &u8| *byte == b'\n';
    let begin = whole.iter().position(is_end).filter(|_| start > 0);
    whole
        .get(begin.map_or(0, |end| end + 1)..)
        .unwrap_or_default()
}

/// Returns everything up to the last end of a line.
pub(super) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Returns the lines, without their ends.
fn lines(whole: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    whole
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// Returns where the queue stands; `None` where that is before `confirmed`.
fn last_position(line: &[u8], confirmed: &Position) -> Option<Position> {
    let event: ClientEvent = from_strict_slice(line).ok()?;
    let last = Position::of(confirmed.epoch, &event).ok()?;
    let goes_on = last.seq > confirmed.seq || last == *confirmed;
    goes_on.then_some(last)
}

/// Returns each event with the length of its line in bytes, from the last one back to the first whose
/// number is no higher than `seq`, in the order in which they stand; `None` where one is no event.
fn back_to(whole: &[u8], seq: u64) -> Option<Vec<(ClientEvent, usize)>> {
    let mut events = Vec::new();
    for line in lines(whole).rev() {
        let event: ClientEvent = from_strict_slice(line).ok()?;
        let is_first = event.seq <= seq;
        events.push((event, line.len()));
        if is_first {
            break;
        }
    }
    events.reverse();
    Some(events)
}
