//! Signals: what was inherited, how they are passed on, how a wait is cancelled by one.
//!
//! All signal code of gate lives here and in [`crate::supervise`].

pub mod cancel;
pub(crate) mod disposition;
pub(crate) mod relay;
mod set;
mod tool_state;
pub(crate) mod witness;

pub use set::SignalSet;

/// The signals that stop a process and can be caught. Source: `signal(7)`.
pub(crate) const STOPPING: [std::ffi::c_int; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
