//! The one signature scheme: Ed25519 under named keys, over signed notes
//! (checkpoints of the audit log) and, detached, over canonical bytes (grants,
//! rule bundles).
//!
//! Source: C2SP signed-note and C2SP tlog-cosignature. A key is known by its
//! name and four bytes of hash; the type byte that goes into the hash leaves
//! room for other algorithms without another format.

mod cosigner;
mod detached;
mod key;
mod note;
mod succession;
#[cfg(test)]
mod tests;

pub use cosigner::Cosigner;
pub use detached::{DetachedError, DetachedSignature};
pub use key::{Algorithm, KeyError, KeyId, SigningKey, VerifierKey};
pub use note::{
    MAX_NOTE_BYTES, MAX_SIGNATURES, NoteError, NoteSignature, SignedNote, VerifiedNote,
    VerifiedSignature, sign_note, verify_note,
};
pub use succession::{KeyPurpose, Succession, SuccessionError, predecessors, successors};
