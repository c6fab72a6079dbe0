use std::io::Write as _;

use gate_protocol::event::DecidedFact;

use super::*;

fn fact(name: &str) -> Fact {
    Fact::Decided(DecidedFact {
        decision: "allow".into(),
        tool: name.into(),
        command: vec![],
        effect: "read".into(),
        rule: "baseline/read".into(),
        shown: name.into(),
        cwd: "/".into(),
        mode: "advisory".into(),
    })
}

fn events(spool: &mut Spool) -> Vec<ClientEvent> {
    let start = Position::start(spool.sequence.epoch);
    spool
        .queue()
        .unwrap()
        .after(&start, usize::MAX)
        .unwrap()
        .unwrap()
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
    spool
        .confirm(spool.sequence.epoch, 2, last.hash().unwrap())
        .unwrap();
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
    assert!(spool.undelivered().unwrap().is_empty());
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
