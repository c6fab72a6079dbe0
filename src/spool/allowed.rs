//! What the shims allowed becomes events of the queue: whoever opens it takes what is there.
//!
//! The queue is locked, and so is the journal, until its entries are on the disk in the queue; only
//! then is it emptied. A mark is put behind them first, with the last event before them: where a
//! crash leaves it there, those that were taken stand behind that event, in their order, whatever
//! another gate has appended since.
//!
//! Where somebody holds the journal and does not let go, it gets another name, is closed, and is
//! taken without its lock: no shim counts on what it adds to a closed one.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_protocol::event::{ClientEvent, DecidedFact, Fact};
use gate_protocol::id::EpochId;
use gate_protocol::masked::MaskedText;
use gate_shim::journal::{self, Entries, Entry, Hold, Mark};
use gate_shim::place;
use jiff::Timestamp;

use super::queue::{Queue, Room};
use super::{Durability, Spool, SpoolError, at, reserve};
use crate::circumstances::MODE;
use crate::durable;

/// How a journal is named of which a part was no entry.
const ASIDE: &str = "allowed-damaged";

/// How the name of a journal begins that somebody held when it was to be taken.
const ROUND: &str = "allowed-held-";
/// How long somebody may hold the journal before it is taken without the lock. A shim does for as
/// long as its entry takes to come to the disk.
const HELD: Duration = Duration::from_millis(50);

impl Spool {
    /// Takes what the shims recorded; the lock must be held.
    pub(super) fn take_allowed(&mut self) -> Result<(), SpoolError> {
        let path = place::journal(&self.folder);
        // Without one every shim leaves its record to the full gate, which can do without.
        drop(make_journal(&self.folder));
        self.take_closed()?;
        let patience = HELD.min(self.patience);
        match journal::hold(&path, patience).map_err(at("lock", &path))? {
            Hold::Absent => Ok(()),
            Hold::Held(mut held) => {
                if self.take_from(&mut held, &path)? {
                    held.set_len(0).map_err(at("empty", &path))?;
                }
                Ok(())
            }
            // Who has no time leaves it to the next gate.
            Hold::Busy if patience < HELD => Ok(()),
            Hold::Busy => {
                let round = format!("{ROUND}{}", EpochId::generate());
                let round = self.folder.join(round);
                std::fs::rename(&path, round).map_err(at("set aside", &path))?;
                durable::sync_folder(&self.folder).map_err(at("sync", &self.folder))?;
                drop(make_journal(&self.folder));
                self.take_closed()
            }
        }
    }

    /// Takes the journals that somebody held, and removes them.
    fn take_closed(&mut self) -> Result<(), SpoolError> {
        for path in set_aside(&self.folder)? {
            let mut closed = journal::close(&path).map_err(at("close", &path))?;
            self.take_from(&mut closed, &path)?;
            std::fs::remove_file(&path).map_err(at("remove", &path))?;
        }
        Ok(())
    }

    /// Takes what stands in a journal to which nothing is added; tells whether there was anything.
    fn take_from(&mut self, held: &mut File, path: &Path) -> Result<bool, SpoolError> {
        let mut bytes = Vec::new();
        held.read_to_end(&mut bytes).map_err(at("read", path))?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let found = journal::read(&bytes);
        if found.damaged_bytes > 0 {
            // A write that was cut off; it is kept for whoever wants to look.
            let aside = self.folder.join(ASIDE);
            durable::replace(&aside, &bytes).map_err(at("set aside", path))?;
        }
        let mut queue = self.queue()?;
        let left = not_taken(&mut queue, found)?;
        let mark = Mark {
            epoch: queue.last().epoch.to_string(),
            seq: queue.last().seq,
        };
        mark.put(held)
            .and_then(|()| held.sync_data())
            .map_err(at("mark", path))?;
        let room = Room::Beside(reserve::needed(&self.folder)?);
        append_all(&mut queue, left, room)?;
        Ok(true)
    }
}

/// Returns the journals that were set aside because somebody held them.
fn set_aside(folder: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let names = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(at("read", folder))?,
    };
    let mut found = Vec::new();
    for entry in names {
        let name = entry.map_err(at("read", folder))?.file_name();
        if name.as_bytes().starts_with(ROUND.as_bytes()) {
            found.push(folder.join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// Returns how many entries stand in the journal, and in those that were set aside.
pub(super) fn waiting(folder: &Path) -> Result<u64, SpoolError> {
    let mut paths = set_aside(folder)?;
    paths.push(place::journal(folder));
    let mut entries = 0;
    for path in paths {
        match std::fs::read(&path) {
            Ok(bytes) => entries += journal::read(&bytes).entries.len() as u64,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(at("read", &path)(error)),
        }
    }
    Ok(entries)
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

/// Returns what of a journal is not in the queue yet.
fn not_taken(queue: &mut Queue, found: Entries) -> Result<Vec<(Timestamp, Fact)>, SpoolError> {
    let mut left = found.entries.into_iter().map(event).peekable();
    let epoch = queue.last().epoch.to_string();
    if let Some(mark) = found.marks.iter().find(|mark| mark.epoch == epoch) {
        for taken in queue.events_behind(mark.seq)? {
            left.next_if(|next| (next.0, &next.1) == (taken.at, &taken.fact));
        }
    }
    Ok(left.collect())
}

fn append_all(
    queue: &mut Queue,
    facts: Vec<(Timestamp, Fact)>,
    room: Room,
) -> Result<(), SpoolError> {
    let mut left = facts.into_iter().peekable();
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
        queue.append(&event, how, room)?;
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

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;
    use crate::spool::{Position, Verified};

    const START_NS: u64 = 1_790_000_000_000_000_000;

    fn entry(number: u64) -> Entry {
        Entry {
            at_ns: START_NS + number,
            pid: 7,
            tool: "kubectl".to_owned(),
            command: vec!["get".to_owned()],
            effect: "read".to_owned(),
            rule: "baseline/kubectl-read".to_owned(),
            cwd: "/srv".into(),
            argv: ["kubectl", "get", "pods", "-l", "a b"]
                .map(OsString::from)
                .to_vec(),
        }
    }

    /// Puts entries into the journal, whatever is in it.
    fn put(folder: &Path, numbers: &[u64]) {
        let path = place::journal(folder);
        fs::write(&path, "").unwrap();
        for number in numbers {
            journal::append(&path, &entry(*number), false).unwrap();
        }
    }

    /// Opens the queue, and returns its events by the number of the entry that each was made of.
    fn opened(folder: &Path) -> Vec<u64> {
        let mut spool = Spool::open(folder).unwrap();
        assert_eq!(fs::read(place::journal(folder)).unwrap(), b"");
        let start = Position::start(spool.sequence.epoch);
        let events = spool.queue().unwrap().after(&start).unwrap().unwrap();
        let number = |(event, _): &(ClientEvent, usize)| {
            let at = u64::try_from(event.at.as_nanosecond()).unwrap();
            at.wrapping_sub(START_NS)
        };
        events.iter().map(number).collect()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        Spool::open(folder.path()).unwrap();
        make_journal(folder.path()).unwrap();
        folder
    }

    #[test]
    fn what_shims_allowed_becomes_events_of_the_chain_with_their_own_times() {
        let folder = folder();
        put(folder.path(), &[1, 2]);
        assert_eq!(opened(folder.path()), [1, 2]);
        put(folder.path(), &[3]);
        assert_eq!(opened(folder.path()), [1, 2, 3]);
        let (_, fact) = event(entry(1));
        let Fact::Decided(decided) = fact else {
            panic!("{fact:?}");
        };
        assert_eq!(decided.shown, "kubectl get pods -l 'a b'");
        assert_eq!(decided.decision, "allow");
    }

    /// Leaves entries in the journal as a gate does that was ended when it had taken some of them.
    fn crash(folder: &Path, numbers: &[u64], taken: usize) {
        let mut spool = Spool::open(folder).unwrap();
        let mut queue = spool.queue().unwrap();
        let (epoch, seq) = (queue.last().epoch.to_string(), queue.last().seq);
        put(folder, numbers);
        let held = journal::hold(&place::journal(folder), Duration::ZERO).unwrap();
        let Hold::Held(mut held) = held else {
            panic!("{held:?}");
        };
        let mut bytes = Vec::new();
        held.read_to_end(&mut bytes).unwrap();
        Mark { epoch, seq }.put(&mut held).unwrap();
        let facts = numbers[..taken].iter().map(|number| event(entry(*number)));
        append_all(&mut queue, facts.collect(), Room::Beside(0)).unwrap();
    }

    #[test]
    fn a_crash_before_the_journal_was_emptied_makes_no_event_twice_and_loses_none() {
        for taken in 0..=3 {
            let folder = folder();
            crash(folder.path(), &[1, 2, 3], taken);
            let path = place::journal(folder.path());
            // A shim goes on with the journal.
            journal::append(&path, &entry(4), false).unwrap();
            assert_eq!(opened(folder.path()), [1, 2, 3, 4], "{taken}");
        }
    }

    #[test]
    fn what_another_gate_appends_after_a_crash_makes_no_event_twice() {
        for taken in 0..=3 {
            let folder = folder();
            // It opened the queue before, and a shim may have been at the journal.
            let mut other = Spool::open(folder.path()).unwrap();
            crash(folder.path(), &[1, 2, 3], taken);
            let (_, fact) = event(entry(9));
            other.append(fact, Durability::Written).unwrap();
            let events = opened(folder.path());
            let of_shims = events.iter().filter(|number| **number < 9);
            assert_eq!(of_shims.collect::<Vec<_>>(), [&1, &2, &3], "{taken}");
            assert_eq!(events.len(), 4, "{taken}: {events:?}");
        }
    }

    #[test]
    fn a_journal_that_a_shim_is_at_waits_for_the_next_gate_where_there_is_no_time() {
        let folder = folder();
        put(folder.path(), &[1]);
        let path = place::journal(folder.path());
        let shim = journal::append(&path, &entry(2), false).unwrap();
        let mut spool = Spool::open_within(folder.path(), Duration::ZERO).unwrap();
        assert_eq!(spool.queue().unwrap().last().seq, 0);
        drop(shim);
        assert_eq!(opened(folder.path()), [1, 2]);
    }

    /// Holds the journal as somebody does that never lets go.
    fn hold_for_ever(folder: &Path) -> File {
        let file = File::open(place::journal(folder)).unwrap();
        file.lock_shared().unwrap();
        file
    }

    #[test]
    fn a_journal_that_somebody_holds_for_ever_is_taken_all_the_same() {
        let folder = folder();
        put(folder.path(), &[1, 2]);
        let held = hold_for_ever(folder.path());
        assert_eq!(opened(folder.path()), [1, 2]);
        assert_eq!(
            set_aside(folder.path()).unwrap(),
            [""; 0].map(PathBuf::from)
        );
        // Shims go on with another.
        put(folder.path(), &[3]);
        let again = hold_for_ever(folder.path());
        assert_eq!(opened(folder.path()), [1, 2, 3]);
        assert_eq!(opened(folder.path()), [1, 2, 3]);
        drop((held, again));
    }

    /// As a shim does that was stopped right before its write.
    #[test]
    fn a_shim_that_wakes_up_behind_a_closed_journal_leaves_its_command_to_gate() {
        let folder = folder();
        put(folder.path(), &[1]);
        let path = place::journal(folder.path());
        let link = folder.path().join("kept");
        fs::hard_link(&path, &link).unwrap();
        let held = hold_for_ever(folder.path());
        assert_eq!(opened(folder.path()), [1]);
        assert!(journal::append(&link, &entry(2), false).is_err());
        assert!(journal::append(&path, &entry(2), false).is_ok());
        drop(held);
    }

    #[test]
    fn a_crash_at_any_point_of_going_round_makes_no_event_twice_and_loses_none() {
        for taken in 0..=2 {
            let folder = folder();
            let path = place::journal(folder.path());
            crash(folder.path(), &[1, 2], taken);
            let round = folder.path().join(format!("{ROUND}x"));
            fs::rename(&path, &round).unwrap();
            let held = File::open(&round).unwrap();
            held.lock_shared().unwrap();
            assert_eq!(waiting(folder.path()).unwrap(), 2);
            make_journal(folder.path()).unwrap();
            journal::append(&path, &entry(3), false).unwrap();
            assert_eq!(waiting(folder.path()).unwrap(), 3);
            assert_eq!(opened(folder.path()), [1, 2, 3], "{taken}");
        }
    }

    #[test]
    fn what_waits_in_the_journal_is_told_before_anybody_takes_it() {
        let of_shims = |folder: &Path| match crate::spool::verify(folder).unwrap() {
            Verified::Sound(held) => held.of_shims,
            Verified::Nothing | Verified::Unsound(_) => 0,
        };
        let folder = folder();
        assert_eq!(of_shims(folder.path()), 0);
        put(folder.path(), &[1, 2]);
        assert_eq!(of_shims(folder.path()), 2);
        assert_eq!(opened(folder.path()), [1, 2]);
        assert_eq!(of_shims(folder.path()), 0);
        // Shims alone were here so far.
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &[1]);
        assert_eq!(of_shims(folder.path()), 1);
    }

    #[test]
    fn what_is_no_entry_is_kept_aside_and_the_rest_is_taken() {
        let folder = folder();
        put(folder.path(), &[1, 2]);
        let path = place::journal(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"half of one");
        fs::write(&path, &bytes).unwrap();
        assert_eq!(opened(folder.path()), [1, 2]);
        assert_eq!(fs::read(folder.path().join(ASIDE)).unwrap(), bytes);
    }

    #[test]
    fn a_link_in_the_journals_place_is_not_followed() {
        let folder = folder();
        let path = place::journal(folder.path());
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "something").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(Spool::open(folder.path()).is_err());
        assert_eq!(fs::read(&elsewhere).unwrap(), b"something");
    }
}
