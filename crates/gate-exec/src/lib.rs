//! The operating system, and the only crate with `unsafe`.
//!
//! It finds the real tool by identity ([`resolve`](mod@resolve)), reads what the tool will read into bytes that
//! nobody can change any more ([`Snapshot`]), and runs it: in place ([`replace`]) when nothing
//! has to happen afterwards, or as a child ([`supervise`]) when the outcome must be reported. In
//! both cases the tool sees what it would see without gate: argv, environment, descriptors,
//! signals, terminal, process group. It knows nothing of rules, requests or permits.
//!
//! Nothing here starts a thread, and nothing here is async.
#![expect(
    unsafe_code,
    reason = "this crate is the boundary to the kernel: every unsafe block states its invariant"
)]

mod bytes;
mod command;
mod environment;
mod exit_reason;
mod file_limit;
mod head;
mod heaps;
mod identity;
mod initial_state;
mod job_control;
mod launch;
mod mapped;
mod marker;
mod open;
mod outcome;
mod program;
mod replace;
pub mod resolve;
mod session;
pub mod signal;
mod snapshot;
mod supervise;
mod syscall;
pub mod terminal;

pub use bytes::{compare, copy};
pub use command::{Command, ExecBy, ExecError};
pub use environment::inherited_environment;
pub use exit_reason::{ExitReason, die_by_signal};
pub use file_limit::{file_limit_bytes, outlive_file_limit};
pub use heaps::share_heaps;
pub use identity::{FileId, Fingerprint, OpenFile, effective_user};
pub use initial_state::InitialState;
pub use mapped::MappedFile;
pub use marker::{SHIM_FOLDER_MARKER, is_gate_program};
pub use open::open;
pub use outcome::Outcome;
pub use program::{Arena, StandardInput, Start, since_epoch, standard_input, working_directory};
pub use replace::replace;
pub use resolve::{Exclusions, ResolveError, Tool, ToolKind, leads_to_gate, resolve};
pub use session::in_own_session;
pub use signal::cancel::Cancel;
pub use snapshot::{Snapshot, SnapshotError, duplicate_high};
pub use supervise::{SuperviseEvents, supervise};
