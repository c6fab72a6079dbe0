//! `gate audit verify FILE`, where the file is a proof: one record, without the log.

use std::io::Read as _;
use std::path::Path;

use gate_protocol::inert::inert;
use gate_protocol::log::{AuditRecord, SignedCheckpoint, TlogProof, TlogProofError};
use gate_protocol::signed_note::VerifierKey;

use super::copy::opened;
use super::finding::{chain, does_not_verify};
use super::witnesses::Witnesses;
use crate::failure::Failure;
use crate::log_key::LogKeys;
use crate::show::{answer, record};

/// The longest proof that is read, in bytes: the longest record in base64, and its proof.
const MOST_BYTES: u64 = 2 << 20;

/// Returns the proof in a file; none where it is something else.
pub(super) fn read(file: &Path) -> Option<Vec<u8>> {
    let mut proof_file = opened(file).ok()?;
    let mut start = [0; TlogProof::HEADER.len()];
    proof_file.read_exact(&mut start).ok()?;
    if start.as_slice() != TlogProof::HEADER.as_bytes() {
        return None;
    }
    let mut proof = start.to_vec();
    proof_file.take(MOST_BYTES).read_to_end(&mut proof).ok()?;
    Some(proof)
}

/// Verifies a proof by what stands in it.
pub(super) fn verify(keys: &LogKeys, witnesses: &Witnesses, proof: &[u8]) -> Result<(), Failure> {
    let bad = |error: &TlogProofError| does_not_verify("not known", &chain(error));
    let proof = TlogProof::parse(proof).map_err(|error| bad(&error))?;
    let Some(bytes) = &proof.extra else {
        return Err(does_not_verify(
            "not known",
            "the proof does not hold its record",
        ));
    };
    let key = keys.of_note(proof.checkpoint.as_bytes());
    let signed = witnesses.verify(proof.checkpoint.as_bytes(), key)?;
    let record = of(&proof, bytes, key)?;
    answer::text(&format!(
        "{}signed: by {}\n{}",
        words(&record, &signed),
        inert(&key.label()),
        witnesses.words(&signed)
    ))
}

/// Returns the record that a proof is about.
///
/// # Errors
/// The proof does not prove it.
fn of(proof: &TlogProof, bytes: &[u8], key: &VerifierKey) -> Result<AuditRecord, Failure> {
    let index = proof.index.to_string();
    proof
        .verify(bytes, key, &[])
        .map_err(|error| does_not_verify(&index, &chain(&error)))?;
    match AuditRecord::parse(bytes) {
        Ok(record) if record.seq() == proof.index => Ok(record),
        Ok(record) => Err(does_not_verify(
            &index,
            &format!("its seq is {}", record.seq()),
        )),
        Err(error) => Err(does_not_verify(&index, &chain(&error))),
    }
}

fn words(record: &AuditRecord, signed: &SignedCheckpoint) -> String {
    let about = record::request_of(record)
        .map(|id| format!(" of {}", inert(id)))
        .unwrap_or_default();
    format!(
        "verified: record {}, {}{about}, is in the log of {} records\n",
        record.seq(),
        record.record_type().as_str(),
        signed.checkpoint.size
    )
}
