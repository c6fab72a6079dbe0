//! Development only: a home of its own for each test, a terminal, and the real
//! tools with the services that they talk to.
//!
//! It knows none of our crates. The servers and approvers of the tests are the
//! binary itself (`tests/live`): only the package that builds it can name it.
#![forbid(unsafe_code)]

pub mod display;
pub mod home;
pub mod inside;
pub mod pty;
pub mod real;
pub mod relay;
#[cfg(target_arch = "x86_64")]
pub mod steps;
