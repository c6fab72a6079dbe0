//! What makes a receipt whole: the proof that its record is in the log, with the signed head, by
//! which it verifies without a server for as long as the log's key is known.
//!
//! The head covers a record a little after it was handed out, and witnesses sign later still. So the
//! proofs are fetched by the next gate that waits for people anyway, and by `gate audit flush`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use gate_client::{Client, ClientError};
use gate_protocol::canonical::{Digest, from_strict_slice};
use gate_protocol::log::{AuditRecord, Checkpoint, TlogProof, leaf_hash, verify_inclusion};
use gate_protocol::problem::ProblemCode;
use gate_protocol::signed_note::SignedNote;
use serde::{Deserialize, Serialize};

use super::{Receipt, kept};
use crate::answers::append_lines;
use crate::layout::KeptFiles;
use crate::log_key::{self, LogKeys};
use crate::progress::{About, Voice};
use crate::world::World;

/// How much of the newest receipts is looked at while somebody waits, in bytes: a waiting gate is to
/// stay small.
const TAIL_BYTES: u64 = 16 << 10;
/// How much of the newest proofs, of which each is longer.
const PROOFS_TAIL_BYTES: u64 = 3 * TAIL_BYTES;
/// How long a wait for people leaves for the proofs of earlier runs.
const CATCH_UP: Duration = Duration::from_secs(1);

/// One proof, with where it came from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    server: String,
    /// A C2SP tlog-proof that holds its record.
    proof: String,
}

/// Why the proofs are not all there now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The log does not have what the server handed out.
    #[error("the server handed out record {index}, and does not prove it: {why}")]
    Lost {
        /// The record's place.
        index: u64,
        /// What the server said, or what is wrong with its proof.
        why: String,
    },
    /// The log is signed by a key that is not known.
    #[error("the head over record {index} is not signed by the log's key")]
    Signed {
        /// The record's place.
        index: u64,
    },
    /// The server does not answer.
    #[error("the server does not answer with a proof")]
    Client(#[from] ClientError),
    /// They can't be kept.
    #[error("the proofs can't be kept")]
    Io(#[from] io::Error),
}

/// The proofs of one server's records that are kept here.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    best: BTreeMap<Digest, TlogProof>,
    /// What they should be signed by, where that is known.
    keys: Option<LogKeys>,
}

impl Proofs {
    fn held_by(keys: Option<&LogKeys>) -> Self {
        let keys = keys.cloned();
        Self {
            best: BTreeMap::new(),
            keys,
        }
    }

    /// Reads them. What a crash cut off is none, and one that does not verify by `keys` is the last
    /// choice.
    ///
    /// # Errors
    /// A file can't be read.
    pub(crate) fn kept(
        files: &KeptFiles,
        server: &str,
        keys: Option<&LogKeys>,
    ) -> io::Result<Self> {
        let mut proofs = Self::held_by(keys);
        for path in [&files.older, &files.file] {
            let opened = match File::open(path) {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for line in BufReader::new(opened).split(b'\n') {
                proofs.take(&line?, server);
            }
        }
        Ok(proofs)
    }

    fn take(&mut self, line: &[u8], server: &str) {
        let line: Option<Line> = from_strict_slice(line).ok();
        let Some(line) = line.filter(|line| line.server == server) else {
            return;
        };
        let Ok(proof) = TlogProof::parse(line.proof.as_bytes()) else {
            return;
        };
        let Some(record) = &proof.extra else { return };
        let leaf = leaf_hash(record);
        // One that witnesses signed is worth more than one that came later, and none is worth more
        // than one that verifies.
        let worth = |proof| (self.holds(proof), is_cosigned(proof));
        let known = self.best.get(&leaf).map(worth);
        if known.is_none_or(|known| worth(&proof) >= known) {
            self.best.insert(leaf, proof);
        }
    }

    fn holds(&self, proof: &TlogProof) -> bool {
        let record = proof.extra.as_deref().unwrap_or_default();
        hold(proof, record, self.keys.as_ref()).is_ok()
    }

    /// Returns the best proof of a record that holds.
    fn that_holds(&self, record: &str) -> Option<&TlogProof> {
        self.of(record).filter(|proof| self.holds(proof))
    }

    /// Returns the best proof of a record.
    pub(crate) fn of(&self, record: &str) -> Option<&TlogProof> {
        self.best.get(&leaf_hash(record.as_bytes()))
    }

    /// Returns the records that they are of.
    pub(crate) fn records(&self) -> impl Iterator<Item = &str> {
        let records = self
            .best
            .values()
            .filter_map(|proof| proof.extra.as_deref());
        records.filter_map(|record| std::str::from_utf8(record).ok())
    }
}

/// Tells whether somebody besides the log has put a name under the checkpoint of a proof.
fn is_cosigned(proof: &TlogProof) -> bool {
    let Ok(note) = SignedNote::parse(proof.checkpoint.as_bytes()) else {
        return false;
    };
    let origin = note.unverified_text().lines().next();
    let mut names = note.signatures().iter().map(|one| one.name.as_str());
    names.any(|name| Some(name) != origin)
}

/// What is to be proved: records by their place.
#[derive(Debug, Default)]
pub(crate) struct Unproved(BTreeMap<u64, Vec<Wanted>>);

#[derive(Debug)]
struct Wanted {
    record: String,
    /// Whether a proof is kept, which only witnesses could make better.
    has_proof: bool,
}

impl Unproved {
    /// Returns what of these receipts has no proof that holds and that witnesses signed.
    pub(crate) fn of(receipts: &[Receipt], proofs: &Proofs) -> Self {
        let mut unproved = Self::default();
        for receipt in receipts {
            let record = receipt.record();
            let Ok(parsed) = AuditRecord::parse(record.as_bytes()) else {
                continue;
            };
            let proof = proofs.that_holds(record);
            if proof.is_some_and(is_cosigned) {
                continue;
            }
            let wanted = Wanted {
                record: record.to_owned(),
                has_proof: proof.is_some(),
            };
            unproved.0.entry(parsed.seq()).or_default().push(wanted);
        }
        unproved
    }

    /// Leaves out what has a proof of whatever kind.
    fn without_any(mut self) -> Self {
        for wanted in self.0.values_mut() {
            wanted.retain(|wanted| !wanted.has_proof);
        }
        self.0.retain(|_, wanted| !wanted.is_empty());
        self
    }

    /// Tells whether there is nothing to fetch.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Fetches the proofs of these records, the oldest first, and keeps each as it comes. Returns how many
/// records have their first one now. Each waits for another gate that writes no longer than `patience`.
/// Where `keys` are known, only what they have signed for is kept.
///
/// # Errors
/// [`FetchError`]; what came before is kept.
pub(crate) async fn fetch(
    (files, client, patience): (&KeptFiles, &Client, Duration),
    keys: Option<&LogKeys>,
    unproved: &Unproved,
) -> Result<usize, FetchError> {
    let mut first_proofs = 0;
    // Witnesses have signed up to some record, and for none behind it.
    let mut is_behind_witnesses = false;
    let all = unproved.0.iter();
    for (index, wanted) in all.flat_map(|(index, all)| all.iter().map(move |one| (*index, one))) {
        if wanted.has_proof && is_behind_witnesses {
            continue;
        }
        let mut proof = ask(client, index).await?;
        if keys.is_some_and(|keys| !keys.have_signed(proof.checkpoint.as_bytes())) {
            return Err(FetchError::Signed { index });
        }
        hold(&proof, wanted.record.as_bytes(), keys)
            .map_err(|why| FetchError::Lost { index, why })?;
        is_behind_witnesses |= !is_cosigned(&proof);
        if wanted.has_proof && !is_cosigned(&proof) {
            continue;
        }
        proof.extra = Some(wanted.record.clone().into_bytes());
        keep((files, patience), client, &proof)?;
        first_proofs += usize::from(!wanted.has_proof);
    }
    Ok(first_proofs)
}

async fn ask(client: &Client, index: u64) -> Result<TlogProof, FetchError> {
    match client.cosigned_proof(index).await {
        Err(ClientError::Refused(problem)) if problem.code == ProblemCode::BadRequest => {
            let why = problem.detail.unwrap_or_default();
            Err(FetchError::Lost { index, why })
        }
        answer => Ok(answer?),
    }
}

/// Holds a proof against the record: by the keys of the log where they are known, or else by the head
/// that it claims, whoever signed that.
fn hold(proof: &TlogProof, record: &[u8], keys: Option<&LogKeys>) -> Result<(), String> {
    let note = proof.checkpoint.as_bytes();
    if let Some(keys) = keys {
        if !keys.have_signed(note) {
            return Err("its head is not signed by the log's key".to_owned());
        }
        let held = proof.verify(record, keys.of_note(note), &[]);
        return held.map(drop).map_err(|error| error.to_string());
    }
    let note = SignedNote::parse(note).map_err(|error| error.to_string())?;
    let head = Checkpoint::parse(note.unverified_text()).map_err(|error| error.to_string())?;
    let leaf = leaf_hash(record);
    verify_inclusion(&leaf, proof.index, head.size, &proof.hashes, &head.root)
        .map_err(|error| error.to_string())
}

fn keep(
    (files, patience): (&KeptFiles, Duration),
    client: &Client,
    proof: &TlogProof,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Line {
        server: client.server().to_string(),
        proof: proof.to_string(),
    })?;
    line.push(b'\n');
    append_lines(files, &line, patience)
}

/// Fetches the proofs of the newest receipts that have none, in a wait for people, and says so where
/// one of the records is gone. What does not come soon is left to the next one.
pub(crate) async fn catch_up(world: &World, client: &Client, voice: Voice) {
    let (Ok(receipts), Ok(proofs)) = (world.layout.receipts(), world.layout.proofs()) else {
        return;
    };
    let server = client.server().to_string();
    let lines = newest_lines(&receipts, TAIL_BYTES);
    let newest: Vec<Receipt> = lines
        .iter()
        .filter_map(|line| Receipt::parse(line))
        .filter(|receipt| receipt.is_of(&server))
        .collect();
    let keys = log_key::pinned(world).ok();
    let mut known = Proofs::held_by(keys.as_ref());
    for line in newest_lines(&proofs, PROOFS_TAIL_BYTES) {
        known.take(&line, &server);
    }
    let unproved = Unproved::of(&newest, &known).without_any();
    if unproved.is_empty() {
        return;
    }
    // Nobody is held up by another gate that writes: the lock would stop everything here.
    let to = (&proofs, client, Duration::ZERO);
    let fetched = fetch(to, keys.as_ref(), &unproved);
    let mut fetched = tokio::time::timeout(CATCH_UP, fetched).await;
    let mut told = Vec::new();
    if let (Ok(Err(FetchError::Signed { .. })), Some(keys)) = (&fetched, &keys) {
        // By one that the pinned key has named since, or by somebody else.
        let after = tokio::time::timeout(CATCH_UP, log_key::after(world, client, keys));
        if let Ok(Some((keys, said))) = after.await {
            told.extend(said);
            let again = fetch(to, Some(&keys), &unproved);
            fetched = tokio::time::timeout(CATCH_UP, again).await;
        }
    }
    if let Ok(Err(lost @ (FetchError::Lost { .. } | FetchError::Signed { .. }))) = fetched {
        told.push(format!(
            "warning: {lost}; see `gate audit verify --receipts`"
        ));
    }
    if !told.is_empty() {
        voice.note(About::Record, &told);
    }
}

/// Returns the whole lines at the end of the newer file.
fn newest_lines(files: &KeptFiles, most_bytes: u64) -> Vec<Vec<u8>> {
    let read = || {
        let mut file = File::open(&files.file)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most_bytes)))?;
        let mut bytes = Vec::new();
        file.take(most_bytes).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    // A first line that is cut is none, as what a crash cut off is none.
    let bytes = read().unwrap_or_default();
    bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Returns what is kept of one server that has no proof yet which holds by `keys` and which witnesses
/// signed, of all receipts.
///
/// # Errors
/// A file can't be read.
pub(crate) fn unproved(
    receipts: &KeptFiles,
    proofs: &KeptFiles,
    server: &str,
    keys: Option<&LogKeys>,
) -> io::Result<Unproved> {
    let known = Proofs::kept(proofs, server, keys)?;
    Ok(Unproved::of(&kept(receipts, server)?, &known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "{\"a\":1}";

    fn line(server: &str, checkpoint: &str) -> Vec<u8> {
        let proof = TlogProof {
            extra: Some(RECORD.as_bytes().to_vec()),
            index: 0,
            hashes: Vec::new(),
            checkpoint: checkpoint.to_owned(),
        };
        let proof = proof.to_string();
        let server = server.to_owned();
        serde_json::to_vec(&Line { server, proof }).unwrap()
    }

    /// Nobody verifies here: only the names under a note count, and all that it says holds or not alike.
    fn note(size: u64, names: &[&str]) -> String {
        let lines = names
            .iter()
            .map(|name| format!("\u{2014} {name} AAAAAAAA\n"));
        format!("log\n{size}\nAAAA\n\n{}", lines.collect::<String>())
    }

    #[test]
    fn of_several_proofs_the_newest_counts_that_witnesses_signed() {
        let mut proofs = Proofs::default();
        let mut size_after = |checkpoint: &str| {
            proofs.take(&line("here", checkpoint), "here");
            let kept = proofs.of(RECORD).unwrap();
            kept.checkpoint.split('\n').nth(1).unwrap().to_owned()
        };
        assert_eq!(size_after(&note(1, &["log"])), "1");
        assert_eq!(size_after(&note(2, &["log"])), "2");
        assert_eq!(size_after(&note(3, &["log", "w"])), "3");
        assert_eq!(size_after(&note(4, &["log"])), "3");
        assert_eq!(size_after(&note(5, &["log", "w"])), "5");
        proofs.take(&line("elsewhere", &note(6, &["log", "w"])), "here");
        proofs.take(b"{\"torn", "here");
        assert_eq!(
            proofs.of(RECORD).unwrap().checkpoint,
            note(5, &["log", "w"])
        );
        assert!(proofs.of("{}").is_none());
    }
}
