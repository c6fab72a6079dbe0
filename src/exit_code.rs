//! The one table of exit codes, and the only place that ends the process.
//!
//! When the tool ran, its own code or signal is gate's; these are for when it
//! did not. Source: `env(1)`, `timeout(1)`, `sysexits.h`, and POSIX.1-2024
//! "Exit Status for Commands" for 126 and 127.

use crate::failure::FailureKind;

/// What was looked at does not hold: `gate audit verify` found a log that is
/// not sound, `gate doctor` a gap, `gate server restore` a backup that was
/// changed. Nothing of gate's failed.
pub(crate) const FOUND: u8 = 1;
/// gate's command line makes no sense, or names what is not there, can't be read
/// or can't be changed any more. A file of rules or of configuration in force
/// that can't be read is [`CONFIGURATION`], and one that can't be written
/// [`INTERNAL`].
pub(crate) const USAGE: u8 = 64;
/// The server can't be reached.
pub(crate) const UNREACHABLE: u8 = 69;
/// Nobody answered yet, or in time; or the request was cancelled, or too many
/// are open. Run it again to go on. Also what only completes a line for a shell:
/// by a tab nobody is asked.
pub(crate) const NO_ANSWER: u8 = 75;
/// A rule or a person said no to the command, or a person at the browser to
/// `gate login`. Nothing else ends with it: an agent that reads it must not look
/// for another way.
pub(crate) const DENIED: u8 = 77;
/// Configuration or rules are bad, or the token is not one for this.
pub(crate) const CONFIGURATION: u8 = 78;
/// gate itself failed, as to write a file or to learn how the tool ended, or a
/// grant was refused.
pub(crate) const INTERNAL: u8 = 125;
/// The tool was found and can't be run.
pub(crate) const CANNOT_RUN: u8 = 126;
/// There is no such tool.
pub(crate) const NOT_FOUND: u8 = 127;

/// How the process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With this code.
    Code(u8),
    /// By this signal, as if it had not been caught.
    Signal(i32),
}

impl From<FailureKind> for Ending {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Found => Self::Code(FOUND),
            FailureKind::Usage => Self::Code(USAGE),
            FailureKind::Unreachable => Self::Code(UNREACHABLE),
            FailureKind::NoAnswer => Self::Code(NO_ANSWER),
            FailureKind::Denied => Self::Code(DENIED),
            FailureKind::Configuration => Self::Code(CONFIGURATION),
            FailureKind::Internal | FailureKind::OutcomeLost => Self::Code(INTERNAL),
            FailureKind::CannotRun => Self::Code(CANNOT_RUN),
            FailureKind::NotFound => Self::Code(NOT_FOUND),
            FailureKind::Interrupted(signal) => Self::Signal(signal),
        }
    }
}

impl From<gate_exec::ExitReason> for Ending {
    fn from(reason: gate_exec::ExitReason) -> Self {
        match reason {
            gate_exec::ExitReason::Code(code) => Self::Code(code),
            gate_exec::ExitReason::Signal { number, .. } => Self::Signal(number),
        }
    }
}

impl Ending {
    /// Ends the process.
    pub(crate) fn leave(self) -> ! {
        match self {
            Self::Code(code) => std::process::exit(i32::from(code)),
            Self::Signal(number) => gate_exec::ExitReason::Signal {
                number,
                core_dumped: false,
            }
            .exit_process(),
        }
    }
}
