use std::fs::OpenOptions;
use std::io::Write as _;

use gate_protocol::event::{BATCH_LIMIT_BYTES, DecidedFact};
use gate_protocol::mode::Mode;

use super::*;

pub(super) fn fact(name: &str) -> Fact {
    Fact::Decided(DecidedFact {
        decision: "allow".into(),
        tool: name.into(),
        command: vec![],
        effect: "read".into(),
        rule: "baseline/read".into(),
        shown: name.into(),
        whole: None,
        cwd: "/".into(),
        mode: Mode::Advisory,
    })
}

fn events(spool: &mut Spool) -> Vec<ClientEvent> {
    let start = Position::start(spool.sequence.epoch);
    let mut queue = spool.queue().unwrap();
    queue.batch_after(&start).unwrap().unwrap()
}

/// Returns the names of the facts of events.
pub(super) fn facts(events: &[ClientEvent]) -> Vec<&str> {
    let tools = events.iter().map(|event| {
        let Fact::Decided(decided) = &event.fact else {
            panic!("{event:?}");
        };
        decided.tool.as_str()
    });
    tools.collect()
}

/// Does what gives up at once where another gate holds the queue. A process that another test
/// starts holds it too, until it has become its program.
pub(super) fn once_free<T>(mut step: impl FnMut() -> Result<T, SpoolError>) -> T {
    loop {
        match step() {
            Err(SpoolError::Held { .. }) => std::thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}

#[test]
fn events_form_one_chain_across_openings() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        Spool::open(folder.path())
            .unwrap()
            .append(fact(name), Durability::Synced)
            .unwrap();
    }
    let events = events(&mut Spool::open(folder.path()).unwrap());
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(events[0].prev, Digest::ZERO);
    assert_eq!(events[2].prev, events[1].hash().unwrap());
}

#[test]
fn a_torn_tail_is_cut_off_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    let epoch = spool.sequence.epoch;
    let mut file = OpenOptions::new()
        .append(true)
        .open(folder.path().join(queue::FILE))
        .unwrap();
    file.write_all(b"{\"at\":\"2026-").unwrap();
    spool.append(fact("b"), Durability::Synced).unwrap();
    assert_eq!(events(&mut spool).len(), 2);
    assert_eq!(spool.sequence.epoch, epoch);
}

/// A fact whose event is about as long as events can be, or longer by `more` bytes.
fn longest_fact(spool: &mut Spool, more: usize) -> Fact {
    let event = ClientEvent {
        seq: spool.queue().unwrap().last().seq + 1,
        prev: Digest::ZERO,
        at: Timestamp::now(),
        fact: fact(""),
    };
    // The time is shorter where its last digits are zeros.
    let around = to_canonical_bytes(&event).unwrap().len() + 16;
    fact(&"x".repeat((EVENT_LIMIT_BYTES + more - around) / 2))
}

#[test]
fn an_event_that_is_too_long_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    let path = folder.path().join(queue::FILE);
    let before = std::fs::read(&path).unwrap();
    let (epoch, too_long) = (spool.sequence.epoch, longest_fact(&mut spool, 64));
    let refused = spool.append(too_long, Durability::Synced).unwrap_err();
    assert!(matches!(refused, SpoolError::TooLong { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    spool.append(fact("b"), Durability::Synced).unwrap();
    assert_eq!((events(&mut spool).len(), spool.sequence.epoch), (2, epoch));
}

#[test]
fn the_longest_event_is_found_again_behind_the_longest_torn_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    for seq in 1..=3 {
        let longest = longest_fact(&mut spool, 0);
        spool.append(longest, Durability::Synced).unwrap();
        let path = folder.path().join(queue::FILE);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&vec![b'x'; EVENT_LIMIT_BYTES]).unwrap();
        assert_eq!(spool.queue().unwrap().last().seq, seq);
    }
    let Verified::Sound(held) = verify(folder.path()).unwrap() else {
        panic!("{:?}", verify(folder.path()));
    };
    assert_eq!((held.events, held.torn), (3, false));
}

#[test]
fn a_damaged_queue_is_set_aside_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    let damaged = b"no event\nand no end".as_slice();
    begins_again(&mut spool, |path| std::fs::write(path, damaged).unwrap());
    let mut names = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap());
    let aside = names
        .find(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(queue::ASIDE)
        })
        .unwrap();
    assert_eq!(std::fs::read(aside.path()).unwrap(), damaged);
}

#[test]
fn a_batch_is_bounded_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    let long = "x".repeat(100_000);
    for _ in 0..14 {
        spool.append(fact(&long), Durability::Written).unwrap();
    }
    let mut delivered = 0;
    while let Some(last) = once_free(|| spool.undelivered()).last() {
        let last = Position::of(spool.sequence.epoch, last).unwrap();
        let events = once_free(|| spool.undelivered());
        delivered += events.len();
        let batch = gate_protocol::event::EventBatch {
            client: spool.sequence.client,
            epoch: spool.sequence.epoch,
            events,
        };
        assert!(serde_json::to_vec(&batch).unwrap().len() <= BATCH_LIMIT_BYTES);
        once_free(|| spool.confirm(&last));
    }
    assert_eq!(delivered, 14);
}

fn begins_again(spool: &mut Spool, damage: impl FnOnce(&Path)) -> Sequence {
    let before = spool.sequence;
    damage(&spool.folder.join(queue::FILE));
    spool.append(fact("after"), Durability::Synced).unwrap();
    assert_eq!(spool.sequence.client, before.client);
    assert_eq!(events(spool).len(), 1);
    before
}

#[test]
fn a_removed_queue_begins_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    let before = begins_again(&mut spool, |path| std::fs::remove_file(path).unwrap());
    assert_ne!(spool.sequence.epoch, before.epoch);
}

#[test]
fn a_queue_rolled_back_behind_what_the_server_has_begins_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    let old = std::fs::read(folder.path().join(queue::FILE)).unwrap();
    spool.append(fact("b"), Durability::Synced).unwrap();
    let last = events(&mut spool).remove(1);
    let last = Position::of(spool.sequence.epoch, &last).unwrap();
    once_free(|| spool.confirm(&last));
    let before = begins_again(&mut spool, |path| std::fs::write(path, old).unwrap());
    assert_ne!(spool.sequence.epoch, before.epoch);
}

#[test]
fn a_rewritten_queue_is_kept_aside_and_a_new_epoch_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.append(fact("a"), Durability::Synced).unwrap();
    spool.append(fact("b"), Durability::Synced).unwrap();
    let before = spool.sequence;
    let path = folder.path().join(queue::FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"tool\":\"a\"", "\"tool\":\"x\"")).unwrap();
    assert!(once_free(|| spool.undelivered()).is_empty());
    assert_ne!(spool.sequence.epoch, before.epoch);
    let names = std::fs::read_dir(folder.path()).unwrap();
    let is_aside = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("damaged-");
    assert_eq!(
        names
            .map(|e| e.unwrap().file_name())
            .filter(is_aside)
            .count(),
        1
    );
}

#[test]
fn fifty_gates_at_once_leave_one_gapless_chain() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..50 {
            let path = folder.path();
            scope.spawn(move || {
                let mut spool = Spool::open(path).unwrap();
                spool
                    .append(fact(&number.to_string()), Durability::Synced)
                    .unwrap();
            });
        }
    });
    let mut spool = Spool::open(folder.path()).unwrap();
    let events = events(&mut spool);
    assert_eq!(events.len(), 50);
    for pair in events.windows(2) {
        assert_eq!(pair[1].prev, pair[0].hash().unwrap());
    }
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file-not-folder");
    std::fs::write(&path, b"").unwrap();
    let error = Spool::open(&path).unwrap_err();
    assert!(error.to_string().contains("file-not-folder"), "{error}");
}

/// What a verification says: events and undelivered ones, or what is wrong.
pub(super) fn verified(folder: &Path) -> Result<(u64, u64), String> {
    match verify(folder).unwrap() {
        Verified::Nothing => Ok((0, 0)),
        Verified::Sound(held) => Ok((held.events, held.undelivered)),
        Verified::Unsound(fault) => Err(format!("{}: {fault}", fault.place().unwrap_or_default())),
    }
}

/// A queue of events, of which the server has confirmed some.
fn queue_of(count: u64, confirmed: usize) -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    for number in 1..=count {
        let name = format!("event-{number}");
        spool.append(fact(&name), Durability::Written).unwrap();
    }
    if let Some(event) = events(&mut spool).get(confirmed.wrapping_sub(1)) {
        let last = Position::of(spool.sequence.epoch, event).unwrap();
        once_free(|| spool.confirm(&last));
    }
    (folder, spool)
}

#[test]
fn an_untouched_queue_verifies_and_so_does_one_that_began_again() {
    let nowhere = tempfile::tempdir().unwrap();
    let missing = nowhere.path().join("spool");
    assert_eq!(verified(&missing), Ok((0, 0)));
    assert!(!missing.exists(), "a verification makes nothing");
    let (folder, mut spool) = queue_of(5, 3);
    assert_eq!(verified(folder.path()), Ok((5, 2)));
    // Confirmed events may be gone.
    let path = folder.path().join(queue::FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    std::fs::write(&path, lines[1..].concat()).unwrap();
    assert_eq!(verified(folder.path()), Ok((4, 2)));
    std::fs::write(&path, b"").unwrap();
    assert_eq!(verified(folder.path()), Ok((0, 0)));
    // The position is still the one of the epoch before.
    begins_again(&mut spool, |path| std::fs::remove_file(path).unwrap());
    assert_eq!(verified(folder.path()), Ok((1, 1)));
    let Verified::Sound(held) = verify(folder.path()).unwrap() else {
        panic!("{:?}", verify(folder.path()));
    };
    assert_eq!((held.torn, held.older.damaged), (false, 0));
}

#[test]
fn a_changed_removed_moved_or_added_event_is_named() {
    let tampered = |confirmed: usize, change: &dyn Fn(&mut Vec<String>)| {
        let (folder, _) = queue_of(5, confirmed);
        let path = folder.path().join(queue::FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        change(&mut lines);
        std::fs::write(&path, lines.concat()).unwrap();
        verified(folder.path()).unwrap_err()
    };
    let change = |lines: &mut Vec<String>| lines[1] = lines[1].replace("event-2", "event-X");
    assert!(tampered(0, &change).starts_with("line 2, or the link to it in 3: "));
    assert!(tampered(2, &change).starts_with("line 2: "));
    let relink = |lines: &mut Vec<String>| {
        let prev = lines[2].find("\"prev\":\"").unwrap() + 8;
        lines[2].replace_range(prev..prev + 64, &"0".repeat(64));
    };
    let link = tampered(0, &relink);
    assert!(
        link.starts_with("line 2, or the link to it in 3: "),
        "{link}"
    );
    let link_to_confirmed = tampered(2, &relink);
    assert!(
        link_to_confirmed.starts_with("line 3: it is not in its place"),
        "{link_to_confirmed}"
    );
    assert!(tampered(0, &|lines| drop(lines.remove(2))).starts_with("line 3: "));
    assert!(tampered(0, &|lines| lines.swap(0, 1)).starts_with("line 1: "));
    assert!(tampered(0, &|lines| lines.insert(3, lines[0].clone())).starts_with("line 4: "));
    assert!(tampered(0, &|lines| lines[4] = "{}\n".to_owned()).starts_with("line 5: "));
    let short = tampered(5, &|lines| lines.truncate(2));
    assert!(
        short.starts_with("line 3: the queue ends at event 2"),
        "{short}"
    );
}

#[test]
fn a_queue_without_its_file_or_without_its_sequence_does_not_verify() {
    for (name, word) in [(queue::FILE, "is gone"), ("sequence", "`sequence`")] {
        let (folder, _) = queue_of(1, 0);
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let fault = verified(folder.path()).unwrap_err();
        assert!(fault.contains(word), "{fault}");
    }
}

#[test]
fn a_queue_that_was_written_anew_from_its_beginning_is_not_delivered() {
    let (folder, mut spool) = queue_of(2, 1);
    let (other, _) = queue_of(2, 0);
    std::fs::copy(
        other.path().join(queue::FILE),
        folder.path().join(queue::FILE),
    )
    .unwrap();
    assert!(verified(folder.path()).unwrap_err().contains("line 1: "));
    let before = spool.sequence;
    assert!(once_free(|| spool.undelivered()).is_empty());
    assert_ne!(spool.sequence.epoch, before.epoch);
}

/// root that runs gate with another's HOME must not write where that other one wants.
#[test]
fn what_a_link_in_the_place_of_its_files_leads_to_stays_as_it_is() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    for name in ["lock", queue::FILE] {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "").unwrap();
        std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o644)).unwrap();
        let spool = folder.path().join("spool");
        Spool::open(&spool)
            .unwrap()
            .append(fact("a"), Durability::Synced)
            .unwrap();
        std::fs::remove_file(spool.join(name)).unwrap();
        std::os::unix::fs::symlink(&victim, spool.join(name)).unwrap();
        let opened = Spool::open(&spool).and_then(|mut spool| {
            spool.append(fact("b"), Durability::Synced)?;
            Ok(())
        });
        assert!(opened.is_err(), "{name}");
        let after = std::fs::metadata(&victim).unwrap();
        assert_eq!((after.len(), after.mode() & 0o777), (0, 0o644), "{name}");
    }
}

#[test]
fn a_folder_that_others_can_write_is_not_written_to() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    drop(Spool::open(folder.path()).unwrap());
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o775)).unwrap();
    let error = Spool::open(folder.path()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("written by others (mode 775)"), "{source}");
}

/// The same root, where the folder itself is the link: `…/gate/spool`, or `…/gate` above it.
/// root that runs gate with another's HOME must not write where that other one's links lead.
#[test]
fn a_state_folder_is_where_its_own_user_links_to_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(at(to), at(from)).unwrap();
    for name in ["victim", "a/gate", "b", "real/state", "own"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    link("own", "a/gate/mine");
    assert!(Spool::open(&at("a/gate/mine")).is_ok());
    // What is above is not gate's.
    link("real/state", "state");
    assert!(Spool::open(&at("state/gate/spool")).is_ok());
    if !nix::unistd::geteuid().is_root() {
        // Nobody else can give a link to another user.
        return;
    }
    link("victim", "a/gate/spool");
    link("victim", "b/gate");
    for (given, opened) in [("a/gate/spool", "a/gate/spool"), ("b/gate", "b/gate/spool")] {
        std::os::unix::fs::lchown(at(given), Some(65_534), None).unwrap();
        let error = Spool::open(&at(opened)).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.ends_with("is a symbolic link of uid 65534"),
            "{opened}: {source}"
        );
    }
    assert_eq!(std::fs::read_dir(at("victim")).unwrap().count(), 0);
}

#[test]
fn gates_own_folder_is_held_to_the_same_and_what_is_above_is_not() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (own, spool) = (state.join("gate"), state.join("gate/spool"));
    drop(Spool::open(&spool).unwrap());
    let open_to_group = |path| {
        let mode = std::fs::Permissions::from_mode(0o775);
        std::fs::set_permissions(path, mode).unwrap();
    };
    open_to_group(&state);
    assert!(Spool::open(&spool).is_ok());
    open_to_group(&own);
    let error = Spool::open(&spool).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    let expected = "gate` can be written by others (mode 775)";
    assert!(source.ends_with(expected), "{source}");
}
