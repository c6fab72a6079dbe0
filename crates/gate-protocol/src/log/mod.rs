//! The audit log as bytes: records, Merkle tree, checkpoints, and their verification.
