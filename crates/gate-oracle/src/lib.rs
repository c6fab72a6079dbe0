//! Development only: the differential oracle. A grammar makes command lines,
//! ordinary ones and attacks; each is read by gate and run under the real tool
//! against stubs that record what the target saw. Where the tool changed
//! something, went to another host than gate named or started a program, and
//! gate had let it pass, gate is wrong ([`Fault::Missed`]); where an ordinary
//! command only read and gate asked, it asked in vain ([`Fault::Needless`]).
//!
//! What no stub records is not proved: that what is printed holds no secret,
//! and what a target of another version would do.
#![forbid(unsafe_code)]

pub mod aws;
mod case;
mod classifier;
mod dice;
mod disk;
pub mod kubectl;
mod mutation;
pub mod mysql;
mod play;
pub mod psql;
mod sandbox;
mod second;
mod session;
pub mod shell;
mod spelling;
pub mod sqlite;
pub mod terraform;

pub use case::{Case, Kind};
pub use classifier::{Classifier, Said, everything_is_read, gate, reading};
pub use dice::Dice;
pub use play::{Fault, Play, Stage, Tally, cases_wanted, on_stages, seed_wanted};
pub use sandbox::{Sandbox, Seen};

/// What a step of the oracle itself returns: it fails loudly, never by a verdict.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
