//! Development only: a server in process, a scripted approver, a terminal, real tools.
#![forbid(unsafe_code)]

pub mod home;
pub mod pty;
pub mod real;
