//! Verifies a whole log from its first record, one record at a time.
//!
//! The tree costs O(log n) memory and the requests what [`super::legality`]
//! says; no record is kept.

use serde_json::Value;

use super::beside::{Beside, Erasures, Payloads};
use super::checkpoint::Checkpoint;
use super::legality::{Illegality, Stories};
use super::merkle::Frontier;
use super::payload::PayloadFault;
use super::record::{AuditRecord, RecordError};
use super::record_type::RecordType;
use crate::canonical::Digest;

/// What is wrong with one record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// Not the bytes of a record.
    #[error(transparent)]
    Malformed(#[from] RecordError),
    /// Its `seq` is not its index: records were removed, inserted or moved.
    #[error("its seq is {0}, so records were removed, inserted or moved")]
    OutOfOrder(u64),
    /// Its `prev` is not the hash of the record before it: one of them was
    /// changed.
    #[error("it names {named} as the record before it, whose hash is {actual}")]
    Unchained {
        /// The hash that it names.
        named: Digest,
        /// The hash of the record before it.
        actual: Digest,
    },
    /// It is not the record that a checkpoint was signed for at this place.
    #[error("its leaf hash is {found}, but {signed} was signed for at its place")]
    NotAsSigned {
        /// The leaf hash that was signed for.
        signed: Digest,
        /// The leaf hash of the record.
        found: Digest,
    },
    /// It tells an impossible story of its request.
    #[error(transparent)]
    Illegal(#[from] Illegality),
    /// What stands beside it is not what it commits to.
    #[error(transparent)]
    Payload(#[from] PayloadFault),
}

/// The first record of a log that is bad, or can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {} is bad", self.clause())]
pub struct BadRecord {
    /// Its index, from 0.
    pub index: u64,
    /// The record after it, where the link between the two does not hold: the
    /// one was changed, or the other's `prev` was, and nothing tells which.
    pub linked_by: Option<u64>,
    /// What is wrong.
    #[source]
    pub fault: RecordFault,
}

impl BadRecord {
    /// Returns what the fault at `index` makes the first bad record. A
    /// checkpoint vouches for the first `vouched` records.
    fn of(index: u64, vouched: u64, fault: RecordFault) -> Self {
        // Where the one before is as it was signed for, the link itself is bad.
        let is_link = matches!(fault, RecordFault::Unchained { .. }) && index > vouched;
        let before = index.checked_sub(1).filter(|_| is_link);
        Self {
            index: before.unwrap_or(index),
            linked_by: before.map(|_| index),
            fault,
        }
    }

    /// Returns the same inside of a sentence.
    fn clause(&self) -> String {
        let comma = if self.linked_by.is_some() { "," } else { "" };
        self.place() + comma
    }

    /// Returns which it is in words, as `5` or `5, or the link to it in 6`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.linked_by {
            None => self.index.to_string(),
            Some(link) => format!("{}, or the link to it in {link}", self.index),
        }
    }
}

/// Why a log does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// A record is bad.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// The records up to a checkpoint are not those that it was signed for.
    #[error(
        "the {size} records have the root {found}, but the checkpoint over {size} was signed \
         for {signed}: a record was changed and the chain made anew"
    )]
    Root {
        /// The checkpoint's size.
        size: u64,
        /// The root that was signed.
        signed: Digest,
        /// The root of the records.
        found: Digest,
    },
    /// A checkpoint is over fewer records than those before the first one that is here: nothing
    /// here can be held against it.
    #[error("a checkpoint was signed for {size} records, and the records here begin at {start}")]
    Before {
        /// The checkpoint's size.
        size: u64,
        /// The index of the first record that is here.
        start: u64,
    },
    /// Records are gone that no record says were archived.
    #[error("the first {records} records are gone, and no record says that they were archived")]
    Dropped {
        /// How many.
        records: u64,
    },
    /// The log ends before a checkpoint.
    #[error("the log has {records} records, but a checkpoint was signed for {size}")]
    Truncated {
        /// How many records there are.
        records: u64,
        /// The checkpoint's size.
        size: u64,
    },
}

/// A log in which everything holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    /// The number of records.
    pub records: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// How many records, from the first, a checkpoint vouches for. The chain
    /// alone vouches for none: whoever can write the file can make it anew.
    pub vouched: u64,
    /// Claims without an outcome: the run goes on, or its outcome is lost.
    pub open_claims: u64,
    /// What stands beside the records.
    pub payloads: Payloads,
}

/// Takes a log record by record and stops at the first that is bad.
#[derive(Clone, Debug, Default)]
pub struct LogVerifier {
    tree: Frontier,
    last: Option<Digest>,
    stories: Stories,
    /// Not reached yet; the smallest last.
    checkpoints: Vec<Checkpoint>,
    vouched: u64,
    erasures: Erasures,
    /// How many records are gone, until a record says that they were archived.
    gone: Option<u64>,
    fault: Option<LogFault>,
}

impl LogVerifier {
    /// Starts before the first record. Each checkpoint is one whose signature
    /// was verified; its root is compared when its size is reached.
    pub fn new(mut checkpoints: Vec<Checkpoint>) -> Self {
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let mut verifier = Self {
            checkpoints,
            ..Self::default()
        };
        verifier.fault = verifier.compare().err();
        verifier
    }

    /// Starts after records that are elsewhere: `tree` is the tree over them, and `last` the hash
    /// of the last one. What is told first of a request that was created there is believed, as far
    /// as it can be true. A checkpoint over fewer records is refused: its caller has to hold it
    /// against a larger one by a proof.
    #[must_use]
    pub fn after(tree: Frontier, last: Digest, checkpoints: Vec<Checkpoint>) -> Self {
        let size = tree.size();
        if size == 0 {
            return Self::new(checkpoints);
        }
        let mut verifier = Self {
            tree,
            last: Some(last),
            stories: Stories::continued(),
            checkpoints,
            ..Self::default()
        };
        verifier
            .checkpoints
            .sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let before = verifier.checkpoints.last().filter(|one| one.size < size);
        verifier.fault = match before.map(|one| one.size) {
            Some(before) => Some(LogFault::Before {
                size: before,
                start: size,
            }),
            None => verifier.compare().err(),
        };
        verifier
    }

    /// Starts as [`Self::after`] does, in a log whose server dropped the records before: one of
    /// those that are left must say so.
    #[must_use]
    pub fn after_pruning(tree: Frontier, last: Digest, checkpoints: Vec<Checkpoint>) -> Self {
        let gone = Some(tree.size()).filter(|size| *size > 0);
        Self {
            gone,
            ..Self::after(tree, last, checkpoints)
        }
    }

    /// Takes one more checkpoint whose signature was verified, for a log that has
    /// grown: its root is compared when its size is reached. What was taken before
    /// is not looked at again.
    ///
    /// # Errors
    /// [`LogFault::Root`], where its size is that of now and its root is not.
    pub fn expect(&mut self, checkpoint: Checkpoint) -> Result<(), LogFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.checkpoints.push(checkpoint);
        self.checkpoints
            .sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let compared = self.compare();
        self.fault = compared.clone().err();
        compared
    }

    /// Takes the bytes of the next record, without a newline.
    ///
    /// # Errors
    /// [`LogFault::Record`] and [`LogFault::Root`]; from then on always the
    /// same, for what follows a bad record proves nothing.
    pub fn feed(&mut self, record: &[u8]) -> Result<(), LogFault> {
        self.feed_with(record, Beside::default())
    }

    /// Takes the bytes of the next record, and what is known beside it. A record
    /// that differs from the leaf that was signed for is bad itself, also where the
    /// chain after it was made anew.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn feed_with(&mut self, record: &[u8], beside: Beside<'_>) -> Result<(), LogFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let fed = self.take(record, beside);
        self.fault = fed.clone().err();
        fed
    }

    /// Returns how many records were good.
    pub const fn records(&self) -> u64 {
        self.tree.size()
    }

    /// Ends the log.
    ///
    /// # Errors
    /// What [`Self::feed`] found, or [`LogFault::Truncated`] where a checkpoint
    /// was not reached.
    pub fn finish(self) -> Result<VerifiedLog, LogFault> {
        self.so_far()
    }

    /// Returns what would be said if the log ended here.
    ///
    /// # Errors
    /// Those of [`Self::finish`].
    pub fn so_far(&self) -> Result<VerifiedLog, LogFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let records = self.tree.size();
        if let Some(missed) = self.checkpoints.first() {
            let size = missed.size;
            return Err(LogFault::Truncated { records, size });
        }
        if let Some(records) = self.gone {
            return Err(LogFault::Dropped { records });
        }
        Ok(VerifiedLog {
            records,
            root: self.tree.root(),
            vouched: self.vouched,
            open_claims: self.stories.open_claims(),
            payloads: self.erasures.payloads(),
        })
    }

    fn take(&mut self, bytes: &[u8], beside: Beside<'_>) -> Result<(), LogFault> {
        let index = self.tree.size();
        // What is as it was signed for is no less vouched for than by a root.
        let vouched = beside.leaf.map_or(self.vouched, |_| index);
        let record = self
            .follow(bytes, beside)
            .map_err(|fault| BadRecord::of(index, vouched, fault))?;
        self.last = Some(record.hash());
        self.tree.append(record.leaf_hash());
        self.erasures.hold(&record).map_err(|index| BadRecord {
            index,
            linked_by: None,
            fault: PayloadFault::Missing.into(),
        })?;
        let is_pruning = *record.record_type() == RecordType::LogPruned;
        let to = record.body().get("to").and_then(Value::as_u64);
        if is_pruning && to == self.gone {
            self.gone = None;
        }
        self.compare()
    }

    fn follow(&mut self, bytes: &[u8], beside: Beside<'_>) -> Result<AuditRecord, RecordFault> {
        let record = AuditRecord::parse(bytes)?;
        if record.seq() != self.tree.size() {
            return Err(RecordFault::OutOfOrder(record.seq()));
        }
        let found = record.leaf_hash();
        if let Some(signed) = beside.leaf.filter(|signed| *signed != found) {
            return Err(RecordFault::NotAsSigned { signed, found });
        }
        let actual = self.last.unwrap_or(Digest::ZERO);
        let named = record.prev();
        if named != actual {
            return Err(RecordFault::Unchained { named, actual });
        }
        self.stories.follow(&record)?;
        self.erasures.follow(&record, beside.payload)?;
        Ok(record)
    }

    /// Compares the root with all checkpoints of the present size.
    fn compare(&mut self) -> Result<(), LogFault> {
        let size = self.tree.size();
        while let Some(checkpoint) = self.checkpoints.pop_if(|next| next.size == size) {
            let found = self.tree.root();
            if found != checkpoint.root {
                let signed = checkpoint.root;
                return Err(LogFault::Root {
                    size,
                    signed,
                    found,
                });
            }
            self.vouched = size;
        }
        Ok(())
    }
}
