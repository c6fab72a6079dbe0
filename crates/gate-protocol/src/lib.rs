//! Wire types, canonical form, digest, signatures and log proofs.
//!
//! Everything that two machines must agree on to the byte lives here, and
//! nothing else: this crate does no I/O. [`canonical`] is the one form that is
//! hashed and signed; [`signed_note`] the one signature scheme; [`log`] the
//! audit log as bytes; the other modules are the messages of the `/v1` API.
#![forbid(unsafe_code)]

pub mod canonical;
pub mod log;
pub mod signed_note;

pub mod account;
pub mod approver;
pub mod archive;
pub mod break_glass;
pub mod channel;
pub mod claim;
pub mod erasure;
pub mod event;
pub mod id;
pub mod imitation;
pub mod inert;
pub mod invocation;
pub mod limits;
pub mod masked;
pub mod mode;
pub mod page;
pub mod preview;
pub mod principal;
pub mod problem;
pub mod production;
mod punycode;
pub mod request;
pub mod review;
pub mod rules;
pub mod runner_key;
pub mod server;
pub mod server_proof;
pub mod sign_in;
pub mod span;
pub mod standing_grant;
pub mod trace;
