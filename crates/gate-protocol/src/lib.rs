//! Wire types, canonical form, digest, signatures and log proofs.
#![forbid(unsafe_code)]

pub mod canonical;
pub mod log;
