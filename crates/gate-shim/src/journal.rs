//! What shims allowed and nobody was asked about, until the full gate takes it into its queue.
//!
//! One file that only grows, by one write for each command: no lock is waited for, nothing is
//! read. Whoever takes the entries holds it exclusively for as long as that lasts; a shim that
//! comes meanwhile leaves its command to the full gate. A shim shares the lock until it has become
//! the tool, so that what did not begin can be taken back before anybody takes it.
//!
//! A lock can be held by somebody who never lets go. Whoever takes the entries then closes the
//! journal, by its mode, and takes them without the lock: a shim looks behind its write whether the
//! journal was closed, and leaves its command to the full gate where it was.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use gate_exec::{effective_user, file_limit_bytes};
use gate_policy::encoding::{Decoder, Encoder, sum};

/// The longest journal that a shim adds to, in bytes: then the full gate takes what is there.
const LIMIT_BYTES: u64 = 256 << 10;
/// The bytes in front of an entry: a sum and a length.
const HEAD_BYTES: usize = 12;
/// The bit of a file's mode by which a journal is closed: what is added behind it counts for nothing.
/// On a file it has no other meaning. Source: `chmod(2)`, `S_ISVTX`.
const CLOSED: u32 = 0o1000;
/// `O_NOFOLLOW | O_NONBLOCK`: what stands in the journal's place is not followed or waited for.
const PLAIN: i32 = 0o400_000 | 0o4_000;
/// `O_WRONLY | O_APPEND`.
const APPENDED: i32 = 0o1 | 0o2_000;
/// How often it is looked whether a journal was let go.
const LOOK: Duration = Duration::from_millis(2);

/// One command that was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, in nanoseconds since the epoch.
    pub at_ns: u64,
    /// The process, which became the tool.
    pub pid: u32,
    /// The tool's name.
    pub tool: String,
    /// The subcommand path.
    pub command: Vec<String>,
    /// What it can do, as a word.
    pub effect: String,
    /// The rule that decided.
    pub rule: String,
    /// The working directory.
    pub cwd: OsString,
    /// The words of the command. There is no secret among them.
    pub argv: Vec<OsString>,
}

impl Entry {
    fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.long(self.at_ns);
        to.number(self.pid);
        to.text(&self.tool);
        to.list(&self.command, Encoder::text);
        to.text(&self.effect);
        to.text(&self.rule);
        to.text(self.cwd.as_bytes());
        to.list(&self.argv, |to, word| to.text(word.as_bytes()));
        to.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        let text = |from: &mut Decoder<'_>| from.text().map(str::to_owned);
        let word = |from: &mut Decoder<'_>| Some(OsString::from_vec(from.bytes()?.to_vec()));
        let entry = Self {
            at_ns: from.long()?,
            pid: from.number()?,
            tool: text(&mut from)?,
            command: from.list(text)?,
            effect: text(&mut from)?,
            rule: text(&mut from)?,
            cwd: word(&mut from)?,
            argv: from.list(word)?,
        };
        from.rest().is_empty().then_some(entry)
    }
}

/// An entry that was added, for as long as its command has not begun: the journal is not taken from
/// while this is there, and becoming another program ends it.
#[derive(Debug)]
pub struct Added {
    file: File,
    at_ns: u64,
    pid: u32,
}

/// What an entry that is taken back has in the place of its time.
const BACK: u64 = u64::MAX - 1;

impl Added {
    /// Takes the entry back: its command did not begin, and whoever decides about it again records
    /// that.
    ///
    /// # Errors
    /// The system refuses; the entry stands then.
    pub fn take_back(mut self) -> io::Result<()> {
        let mut to = Encoder::new();
        to.long(BACK);
        to.long(self.at_ns);
        to.number(self.pid);
        self.file.write_all(&line(&to.into_bytes()))
    }
}

/// Returns the time and the process of the entry that a line takes back.
fn taken_back(bytes: &[u8]) -> Option<(u64, u32)> {
    let mut from = Decoder::new(bytes);
    (from.long()? == BACK).then_some(())?;
    let whose = (from.long()?, from.number()?);
    from.rest().is_empty().then_some(whose)
}

/// Adds one entry, as one write. With `is_durable` it is on the disk when this returns.
///
/// # Errors
/// There is no journal, it is not the caller's own, it is full or closed, or somebody takes from it;
/// or the system refuses. The entry does not count then, or is not whole.
pub fn append(path: &Path, entry: &Entry, is_durable: bool) -> io::Result<Added> {
    let mut file = gate_exec::open(path, APPENDED | PLAIN)?;
    file.try_lock_shared().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::from(io::ErrorKind::WouldBlock),
        TryLockError::Error(error) => error,
    })?;
    let found = file.metadata()?;
    let is_own = found.uid() == effective_user() && found.mode() & (0o022 | CLOSED) == 0;
    if !found.is_file() || found.len() > LIMIT_BYTES || !is_own {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let line = line(&entry.encode());
    // A write beyond it would kill the command before it began.
    let end_bytes = found.len().saturating_add(line.len() as u64);
    if file_limit_bytes().is_some_and(|limit| end_bytes > limit) {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let written = file.write(&line)?;
    if written != line.len() {
        return Err(io::Error::from(io::ErrorKind::StorageFull));
    }
    if is_durable {
        file.sync_data()?;
    }
    let is_closed = file.metadata()?.mode() & CLOSED != 0;
    let added = Added {
        file,
        at_ns: entry.at_ns,
        pid: entry.pid,
    };
    if is_closed {
        // Whether it was seen is not known; what comes behind it may be.
        added.take_back()?;
        return Err(io::Error::from(io::ErrorKind::WouldBlock));
    }
    Ok(added)
}

/// Where in the queue the entries before it go. Whoever takes them writes it first, so that one who
/// comes after a crash knows where to look for those that were taken already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch of the queue.
    pub epoch: String,
    /// The last event before them.
    pub seq: u64,
}

/// What a mark has in the place of a time.
const MARK: u64 = u64::MAX;

impl Mark {
    /// Writes the mark behind what was read from a journal.
    ///
    /// # Errors
    /// The system refuses.
    pub fn put(&self, held: &mut File) -> io::Result<()> {
        let mut to = Encoder::new();
        to.long(MARK);
        to.text(&self.epoch);
        to.long(self.seq);
        held.write_all(&line(&to.into_bytes()))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        (from.long()? == MARK).then_some(())?;
        let epoch = from.text()?.to_owned();
        let seq = from.long()?;
        from.rest().is_empty().then_some(Self { epoch, seq })
    }
}

fn line(content: &[u8]) -> Vec<u8> {
    let mut line = Encoder::new();
    line.long(sum(content));
    line.text(content);
    line.into_bytes()
}

/// What stands in a journal.
#[derive(Debug)]
pub struct Entries {
    /// What is whole and was not taken back, in its order.
    pub entries: Vec<Entry>,
    /// The marks of those who took from it and did not come to the end, in their order.
    pub marks: Vec<Mark>,
    /// How many of the bytes are no entry.
    pub damaged_bytes: usize,
}

/// Reads a journal. An entry that was not written whole stands for no command that ran: the shim
/// left that one to the full gate. What comes behind it is found all the same.
#[must_use]
pub fn read(mut bytes: &[u8]) -> Entries {
    let mut found = Entries {
        entries: Vec::new(),
        marks: Vec::new(),
        damaged_bytes: 0,
    };
    let mut back = Vec::new();
    while !bytes.is_empty() {
        let content = first(bytes);
        let mut behind = HEAD_BYTES + content.map_or(0, <[u8]>::len);
        if let Some(entry) = content.and_then(Entry::decode) {
            found.entries.push(entry);
        } else if let Some(mark) = content.and_then(Mark::decode) {
            found.marks.push(mark);
        } else if let Some(whose) = content.and_then(taken_back) {
            back.push(whose);
        } else {
            found.damaged_bytes += 1;
            behind = 1;
        }
        bytes = bytes.get(behind..).unwrap_or_default();
    }
    let stands = |entry: &Entry| !back.contains(&(entry.at_ns, entry.pid));
    found.entries.retain(stands);
    found
}

/// Returns what the first line holds, where it is whole.
fn first(bytes: &[u8]) -> Option<&[u8]> {
    let mut from = Decoder::new(bytes);
    let expected = from.long()?;
    let content = from.bytes()?;
    (sum(content) == expected).then_some(content)
}

/// What became of a journal that was to be held.
#[derive(Debug)]
pub enum Hold {
    /// It is held for as long as this file is open.
    Held(File),
    /// A shim, another gate or somebody else is at it.
    Busy,
    /// There is none.
    Absent,
}

/// Holds a journal for as long as its entries are taken, if nobody is at it within `patience`.
///
/// # Errors
/// It can't be opened or locked.
pub fn hold(path: &Path, patience: Duration) -> io::Result<Hold> {
    let file = match open_to_take(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Hold::Absent),
        Err(error) => return Err(error),
    };
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Hold::Held(file)),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => return Ok(Hold::Busy),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Closes a journal that no shim finds any more under its name, whoever holds it: what stands in it
/// from then on is all that counts.
///
/// # Errors
/// It can't be opened, or its file system keeps no such mode.
pub fn close(path: &Path) -> io::Result<File> {
    let file = open_to_take(path)?;
    let mode = file.metadata()?.mode() & 0o7777;
    file.set_permissions(Permissions::from_mode(mode | CLOSED))?;
    if file.metadata()?.mode() & CLOSED == 0 {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    Ok(file)
}

fn open_to_take(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).custom_flags(PLAIN);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry {
            at_ns: number,
            pid: 7,
            tool: "kubectl".to_owned(),
            command: vec!["get".to_owned()],
            effect: "read".to_owned(),
            rule: "baseline/kubectl-read".to_owned(),
            cwd: "/srv".into(),
            argv: vec!["kubectl".into(), OsString::from_vec(vec![0xff, b'\n'])],
        }
    }

    fn journal() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("allowed");
        std::fs::write(&path, "").unwrap();
        (folder, path)
    }

    #[test]
    fn what_is_added_is_read_again_in_its_order() {
        let (_folder, path) = journal();
        for number in 0..3 {
            append(&path, &entry(number), number == 1).unwrap();
        }
        let found = read(&std::fs::read(&path).unwrap());
        assert_eq!(found.entries, [entry(0), entry(1), entry(2)]);
        assert_eq!(found.damaged_bytes, 0);
    }

    #[test]
    fn half_an_entry_hides_none_behind_it() {
        let (_folder, path) = journal();
        append(&path, &entry(0), false).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            let bytes = [&whole[..cut], &whole, &whole[..cut]].concat();
            let found = read(&bytes);
            assert_eq!(found.entries, [entry(0)], "{cut}");
            assert_eq!(found.damaged_bytes, 2 * cut);
        }
    }

    #[test]
    fn an_entry_whose_command_did_not_begin_is_taken_back_and_no_other() {
        let (_folder, path) = journal();
        for number in 0..3 {
            let added = append(&path, &entry(number), false).unwrap();
            // Nobody takes it before it is known whether the command begins.
            let held = hold(&path, Duration::ZERO).unwrap();
            assert!(matches!(held, Hold::Busy));
            if number == 1 {
                added.take_back().unwrap();
            }
        }
        let found = read(&std::fs::read(&path).unwrap());
        assert_eq!(found.entries, [entry(0), entry(2)]);
        assert_eq!((found.damaged_bytes, found.marks.len()), (0, 0));
    }

    #[test]
    fn a_closed_journal_takes_no_entry_whoever_holds_it() {
        let (_folder, path) = journal();
        let others = append(&path, &entry(0), false).unwrap();
        drop(close(&path).unwrap());
        assert!(append(&path, &entry(1), false).is_err());
        let found = read(&std::fs::read(&path).unwrap());
        assert_eq!(found.entries, [entry(0)]);
        // It can be closed again, as by one that comes after a crash.
        drop(close(&path).unwrap());
        drop(others);
    }

    #[test]
    fn a_journal_that_is_taken_full_missing_or_a_link_is_not_added_to() {
        let (folder, path) = journal();
        let held = hold(&path, Duration::ZERO).unwrap();
        assert!(matches!(held, Hold::Held(_)));
        let again = hold(&path, Duration::from_millis(20)).unwrap();
        assert!(matches!(again, Hold::Busy));
        let refused = append(&path, &entry(0), false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        append(&path, &entry(0), false).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(append(&link, &entry(0), false).is_err());
        assert!(append(&folder.path().join("none"), &entry(0), false).is_err());
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(LIMIT_BYTES + 1).unwrap();
        assert!(append(&path, &entry(0), false).is_err());
    }
}
