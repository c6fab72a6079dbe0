//! The audit log as bytes: records, Merkle tree, checkpoints, proofs, and their
//! verification.
//!
//! A record is kept verbatim and never serialised again. Two structures hold
//! the records: each names the hash of the one before it, which lets a plain
//! dump be checked line by line; and all are leaves of an RFC 6962 tree, whose
//! signed root pins every record at once. An export is a file of JSON Lines,
//! each line one record's bytes, a file with the checkpoint over them, and one
//! with their leaf hashes.

mod beside;
mod checkpoint;
mod export;
mod legality;
mod merkle;
mod payload;
mod record;
mod record_type;
#[cfg(test)]
mod tests;
mod tiles;
mod tlog_proof;
mod verify;
mod witness;

pub use beside::{Beside, Payloads, Told};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use export::{
    CHECKPOINT_FILE, ExportError, ExportReader, LEAVES_FILE, RECORDS_FILE, are_leaves_of, read_leaf,
};
pub use legality::{Illegality, Stage};
pub use merkle::{
    Frontier, ProofError, consistency_proof, consistency_ranges, empty_root, inclusion_proof,
    leaf_hash, node_hash, peak_ranges, root, verify_consistency, verify_inclusion,
};
pub use payload::{
    Erasure, KeptPayload, PAYLOADS_FILE, Payload, PayloadFault, RecordPayload, has_payload,
    is_erasable, owner_of,
};
pub use record::{AuditRecord, MAX_RECORD_BYTES, RecordError};
pub use record_type::{ParseRecordTypeError, RecordType};
pub use tiles::{
    BundleError, MAX_ENTRY_BYTES, TILE_WIDTH, Tile, TileBuilder, TileContent, append_entry,
    entries, inclusion_proof_of_tile,
};
pub use tlog_proof::{TlogProof, TlogProofError};
pub use verify::{BadRecord, LogFault, LogVerifier, RecordFault, VerifiedLog};
pub use witness::{AddCheckpoint, WitnessRefusal};
