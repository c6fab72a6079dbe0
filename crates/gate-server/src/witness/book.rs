//! What a witness signed last of each log: durable before it signs anything newer.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gate_protocol::canonical::Digest;
use gate_protocol::log::{AddCheckpoint, Checkpoint, SignedCheckpoint, WitnessRefusal};
use gate_protocol::signed_note::{Cosigner, VerifierKey};

use super::WitnessError;
use crate::clock;
use crate::keys::{self, FolderLock, KeysError};

/// Why nothing was signed.
#[derive(Debug)]
pub(super) enum BookError {
    /// The checkpoint may not be signed.
    Refused(WitnessRefusal),
    /// It can't be kept.
    File(io::Error),
}

impl From<WitnessRefusal> for BookError {
    fn from(refusal: WitnessRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One log, and the newest checkpoint of it that was signed.
#[derive(Debug)]
struct Watched {
    /// More than one where the log has got a new key: either may have signed.
    keys: Vec<VerifierKey>,
    file: PathBuf,
    newest: Option<Checkpoint>,
}

impl Watched {
    /// Returns the checkpoint if it may be signed: by any of the log's keys.
    fn admit(&self, asked: &AddCheckpoint) -> Result<Checkpoint, WitnessRefusal> {
        let mut refused = WitnessRefusal::UnknownLog;
        for key in &self.keys {
            match asked.admit(key, self.newest.as_ref()) {
                Err(by @ WitnessRefusal::NotByLog(_)) => refused = by,
                admitted => return admitted,
            }
        }
        Err(refused)
    }
}

/// All logs of one witness.
#[derive(Debug)]
pub(super) struct Book {
    /// The newest first; none is ever missing.
    cosigners: Vec<Cosigner>,
    /// By origin. Who holds it decides and signs alone.
    logs: Mutex<BTreeMap<String, Watched>>,
    _lock: FolderLock,
}

impl Book {
    pub(super) fn open(
        dir: &Path,
        name: &str,
        keys: Vec<VerifierKey>,
    ) -> Result<Self, WitnessError> {
        keys::prepare_dir(dir)?;
        let lock = keys::lock(dir)?.ok_or_else(|| WitnessError::InUse(dir.to_owned()))?;
        let cosigners = keys::witness_keys(dir, name)?;
        let mut by_origin: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for key in keys {
            let known = by_origin.entry(key.name().to_owned()).or_default();
            if known.contains(&key) {
                return Err(WitnessError::Ambiguous(key.name().to_owned()));
            }
            known.push(key);
        }
        let mut logs = BTreeMap::new();
        for (origin, keys) in by_origin {
            // A name can hold what no file's name can.
            let file = dir.join(Digest::of_bytes(origin.as_bytes()).to_string());
            let newest = read(&file, &keys)?;
            logs.insert(origin, Watched { keys, file, newest });
        }
        Ok(Self {
            cosigners,
            logs: Mutex::new(logs),
            _lock: lock,
        })
    }

    /// Returns the keys that it signs with, the newest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.cosigners.iter().map(Cosigner::verifier)
    }

    /// Returns the signature lines, one by each key, under the checkpoint of a body.
    pub(super) fn add(&self, body: &[u8]) -> Result<String, BookError> {
        let asked = AddCheckpoint::parse(body)?;
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = asked
            .origin()
            .and_then(|origin| logs.get_mut(origin))
            .ok_or(WitnessRefusal::UnknownLog)?;
        let checkpoint = log.admit(&asked)?;
        if log.newest.as_ref() != Some(&checkpoint) {
            keep(&log.file, asked.checkpoint.as_bytes()).map_err(BookError::File)?;
            log.newest = Some(checkpoint.clone());
        }
        let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
        let text = checkpoint.to_string();
        let lines = self.cosigners.iter().map(|one| one.cosign(&text, now));
        let lines: Result<String, _> = lines.collect();
        lines.map_err(|_| WitnessRefusal::Malformed("text").into())
    }
}

/// Returns the checkpoint in a file, which is the note as the log signed it, by one of its keys.
fn read(file: &Path, keys: &[VerifierKey]) -> Result<Option<Checkpoint>, WitnessError> {
    let note = match std::fs::read(file) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = file.to_owned();
            return Err(KeysError::File { path, source }.into());
        }
    };
    let mut signed = keys
        .iter()
        .filter_map(|key| SignedCheckpoint::verify(&note, key, &[]).ok());
    match signed.next() {
        Some(signed) => Ok(Some(signed.checkpoint)),
        None => Err(WitnessError::Unreadable(file.to_owned())),
    }
}

/// Writes beside and renames, both synced: a crash leaves the old note or the new one.
fn keep(file: &Path, note: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut opened = options.open(&new)?;
    opened.write_all(note)?;
    opened.sync_all()?;
    std::fs::rename(&new, file)?;
    match file.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use gate_protocol::log::{consistency_proof, leaf_hash, root};
    use gate_protocol::signed_note::SigningKey;

    use super::super::Witness;
    use super::*;

    const ORIGIN: &str = "gate.example/org/test/audit";

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
    }

    fn open(dir: &Path) -> Result<Book, WitnessError> {
        Book::open(dir, "witness.example/w", vec![key().verifier()])
    }

    fn asked(history: &str, old_size: u64, size: u64) -> Vec<u8> {
        let asked = asked_by(&key(), history, old_size, size);
        asked.to_string().into_bytes()
    }

    fn asked_by(log: &SigningKey, history: &str, old_size: u64, size: u64) -> AddCheckpoint {
        let leaves: Vec<Digest> = (0..size)
            .map(|index| leaf_hash(format!("{history} {index}").as_bytes()))
            .collect();
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: root(leaves.iter().copied()),
        };
        AddCheckpoint {
            old_size,
            proof: consistency_proof(&leaves, old_size).unwrap(),
            checkpoint: checkpoint.sign(&[log]).unwrap(),
        }
    }

    fn refusal(book: &Book, body: &[u8]) -> WitnessRefusal {
        match book.add(body) {
            Err(BookError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_signed_outlives_the_process_and_no_second_history_is_signed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("witness");
        let book = open(&dir).unwrap();
        book.add(&asked("a", 0, 5)).unwrap();
        assert!(matches!(open(&dir), Err(WitnessError::InUse(_))));
        let vkey = book.keys().next().unwrap().clone();
        drop(book);

        let book = open(&dir).unwrap();
        assert_eq!(book.keys().collect::<Vec<_>>(), [&vkey]);
        let known = WitnessRefusal::Conflict { size: 5 };
        assert_eq!(refusal(&book, &asked("b", 0, 5)), known);
        assert_eq!(refusal(&book, &asked("b", 5, 5)), known);
        assert_eq!(refusal(&book, &asked("a", 4, 4)), known);
        let split = refusal(&book, &asked("b", 5, 6));
        assert!(matches!(split, WitnessRefusal::Unproven(_)), "{split:?}");
        book.add(&asked("a", 5, 6)).unwrap();
        book.add(&asked("a", 6, 6)).unwrap();
    }

    #[test]
    fn after_a_change_of_keys_both_sign_until_the_one_before_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("witness");
        let before = open(&dir).unwrap().keys().next().unwrap().clone();
        let rotated = Witness::rotate(&dir, "witness.example/w").unwrap();
        assert_eq!(rotated.before, before);
        let signers = |size: u64| {
            let book = open(&dir).unwrap();
            let body = asked("a", size - 1, size);
            let lines = book.add(&body).unwrap();
            assert!(matches!(
                Witness::rotate(&dir, "witness.example/w"),
                Err(WitnessError::InUse(_))
            ));
            let note = AddCheckpoint::parse(&body).unwrap().checkpoint + &lines;
            let keys = [before.clone(), rotated.after.clone()];
            let signed = SignedCheckpoint::verify(note.as_bytes(), &key().verifier(), &keys);
            let signed = signed.unwrap().cosignatures;
            signed.iter().map(|one| one.key_id).collect::<Vec<_>>()
        };
        assert_eq!(signers(1), [rotated.after.id(), before.id()]);
        std::fs::remove_file(&rotated.kept).unwrap();
        assert_eq!(signers(2), [rotated.after.id()]);
        assert!(matches!(
            Witness::rotate(&dir.join("nowhere"), "witness.example/w"),
            Err(WitnessError::Keys(_))
        ));
    }

    /// docs/operations.md, "New keys": "start it with the new one beside the old".
    #[test]
    fn a_log_with_a_new_key_is_signed_for_when_both_keys_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("witness");
        let book = open(&dir).unwrap();
        book.add(&asked("a", 0, 5)).unwrap();
        let after = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
        let by_next = |history: &str, old_size: u64, size: u64| {
            let body = asked_by(&after, history, old_size, size);
            body.to_string().into_bytes()
        };
        let stranger = refusal(&book, &by_next("a", 5, 6));
        assert!(
            matches!(stranger, WitnessRefusal::NotByLog(_)),
            "{stranger:?}"
        );
        drop(book);

        let told = |keys: &[&SigningKey]| {
            let keys = keys.iter().map(|key| key.verifier()).collect();
            Book::open(&dir, "witness.example/w", keys)
        };
        // What was signed by the key before can't be read by the new one alone.
        let alone = told(&[&after]);
        assert!(matches!(alone, Err(WitnessError::Unreadable(_))));
        let book = told(&[&key(), &after]).unwrap();
        let split = refusal(&book, &by_next("b", 5, 6));
        assert!(matches!(split, WitnessRefusal::Unproven(_)), "{split:?}");
        let forgot = refusal(&book, &by_next("b", 0, 6));
        assert_eq!(forgot, WitnessRefusal::Conflict { size: 5 });
        book.add(&by_next("a", 5, 6)).unwrap();
        drop(book);
        // From then on the new one is enough, and the order is no matter.
        drop(told(&[&after]).unwrap());
        let book = told(&[&after, &key()]).unwrap();
        book.add(&by_next("a", 6, 7)).unwrap();
    }

    #[test]
    fn what_can_not_be_kept_is_not_signed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("witness");
        let book = open(&dir).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(matches!(
            book.add(&asked("a", 0, 5)),
            Err(BookError::File(_))
        ));
    }

    #[test]
    fn a_witness_that_can_not_read_what_it_signed_does_not_start() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("witness");
        let book = open(&dir).unwrap();
        book.add(&asked("a", 0, 5)).unwrap();
        drop(book);
        let file = dir.join(Digest::of_bytes(ORIGIN.as_bytes()).to_string());
        let note = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, note.replacen("\n5\n", "\n4\n", 1)).unwrap();
        assert!(matches!(open(&dir), Err(WitnessError::Unreadable(_))));
        let twice = vec![key().verifier(), key().verifier()];
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(
            Book::open(&dir, "witness.example/w", twice),
            Err(WitnessError::Ambiguous(_))
        ));
        let other = Book::open(&dir, "witness.example/w", vec![]).unwrap();
        assert_eq!(
            refusal(&other, &asked("a", 0, 1)),
            WitnessRefusal::UnknownLog
        );
    }
}
