//! The receipts that were kept, held against a log: a record that the server handed out and does
//! not have any more was removed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use gate_client::ClientError;
use gate_protocol::log::AuditRecord;
use gate_protocol::problem::ProblemCode;
use gate_protocol::signed_note::VerifierKey;

use super::copy::{opened, unreadable};
use super::finding::{Finding, chain, does_not_verify};
use crate::failure::{Failure, FailureKind};
use crate::receipts::{self, Receipt};
use crate::session::{Session, from_client};
use crate::show::answer;
use crate::world::World;

/// Records by their index, as the server handed them out: where it handed out two for one place,
/// one of them is no longer in the log.
pub(super) struct Receipts(BTreeMap<u64, BTreeSet<String>>);

impl Receipts {
    /// Returns those that are kept here of the configured server.
    ///
    /// # Errors
    /// They can't be read.
    pub(super) fn kept(world: &World) -> Result<Self, Failure> {
        let server = world.configuration()?.server()?.to_string();
        let files = world.layout.receipts()?;
        let kept = receipts::kept(&files, &server).map_err(|error| {
            Failure::new(FailureKind::Configuration, "cannot read the kept receipts")
                .caused_by(error)
        })?;
        Self::of(kept)
    }

    /// Returns those in a file, one a line, whichever server they are of.
    ///
    /// # Errors
    /// It can't be read, or holds something else.
    pub(super) fn in_file(file: &Path) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        opened(file)?
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(file, error))?;
        let lines = bytes.split(|byte| *byte == b'\n');
        let read = lines.filter(|line| !line.is_empty()).map(Receipt::parse);
        let read: Option<Vec<Receipt>> = read.collect();
        Self::of(read.ok_or_else(no_receipt)?)
    }

    fn of(receipts: Vec<Receipt>) -> Result<Self, Failure> {
        let mut by_index = BTreeMap::new();
        for receipt in receipts {
            let record = receipt.record().to_owned();
            let index = AuditRecord::parse(record.as_bytes()).map_err(|_| no_receipt())?;
            let of_place: &mut BTreeSet<String> = by_index.entry(index.seq()).or_default();
            of_place.insert(record);
        }
        Ok(Self(by_index))
    }

    /// Holds a record of the log against the receipt for its place, if there is one.
    ///
    /// # Errors
    /// They differ.
    pub(super) fn hold(&self, index: u64, record: &str) -> Result<(), Finding> {
        let mut kept = self.0.get(&index).into_iter().flatten();
        if kept.any(|kept| kept != record) {
            return Err(Finding::Receipt { index });
        }
        Ok(())
    }

    /// Holds the end of the log against them.
    ///
    /// # Errors
    /// A record is missing.
    pub(super) fn hold_end(&self, records: u64) -> Result<(), Finding> {
        match self.0.range(records..).next() {
            Some((index, _)) => Err(Finding::Receipt { index: *index }),
            None => Ok(()),
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns how many there are, in words.
    pub(super) fn words(&self) -> String {
        match self.count() {
            0 => String::new(),
            count => format!("receipts: {count} are kept here, and the log has each\n"),
        }
    }

    /// Asks the server for the proof of each, which anybody may ask for.
    pub(super) fn ask(&self, session: &Session, key: &VerifierKey) -> Result<(), Failure> {
        self.ask_below(session, key, u64::MAX)?;
        let count = self.count();
        answer::line(&format!("verified: {count} receipts, and the log has each"))
    }

    /// Asks for the proof of each below an index: of what was archived there is no record to hold
    /// it against.
    pub(super) fn ask_below(
        &self,
        session: &Session,
        key: &VerifierKey,
        below: u64,
    ) -> Result<(), Failure> {
        let all = self
            .0
            .range(..below)
            .flat_map(|(index, kept)| kept.iter().map(move |one| (index, one)));
        for (index, record) in all {
            let answer = session.block_on(session.client().inclusion_proof(*index));
            let lost = |words: &str| does_not_verify(&index.to_string(), words);
            match answer {
                Ok(proof) => {
                    let held = proof.verify(record.as_bytes(), key, &[]);
                    held.map_err(|error| lost(&chain(&error)))?;
                }
                Err(ClientError::Refused(problem)) if problem.code == ProblemCode::BadRequest => {
                    return Err(lost(&format!(
                        "the server handed out record {index}, and does not prove it: {}",
                        problem.detail.unwrap_or_default()
                    )));
                }
                Err(error) => return Err(from_client(error)),
            }
        }
        Ok(())
    }
}

fn no_receipt() -> Failure {
    Failure::new(
        FailureKind::Usage,
        "the file holds something else than receipts",
    )
}
