//! Why a real component could not be used.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a real component could not be found, started, asked or stopped.
///
/// `Debug` prints the same as `Display`, because tests show it through `unwrap`.
#[derive(thiserror::Error)]
pub enum RealError {
    /// A tool is neither in the testbed nor on PATH.
    #[error("`{tool}` is not installed; run tests/run --setup-only first")]
    ToolMissing {
        /// The program's name.
        tool: String,
    },
    /// A file, a socket or a process could not be had from the operating system.
    #[error("cannot {attempt}: {source}")]
    System {
        /// What was tried, and on what.
        attempt: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A component did not become ready within its deadline.
    #[error("{component} was not ready after {waited:?}; its log ends:\n{log_tail}")]
    NotReady {
        /// The component's name.
        component: String,
        /// How long was waited.
        waited: Duration,
        /// The last lines of its log.
        log_tail: String,
    },
    /// A component ended although it should serve.
    #[error("{component} ended with {status}; its log ends:\n{log_tail}")]
    Ended {
        /// The component's name.
        component: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log_tail: String,
    },
    /// A command did not end within its deadline and was killed.
    #[error("`{command}` did not end within {waited:?}; it wrote:\n{stderr}")]
    Timeout {
        /// The command line.
        command: String,
        /// How long was waited.
        waited: Duration,
        /// What it had written to stderr.
        stderr: String,
    },
    /// A command failed that a component needs.
    #[error("`{command}` ended with {status}; it wrote:\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stdout and stderr.
        output: String,
    },
    /// A component said something that cannot be read.
    #[error("cannot read {what}: {reason}")]
    Unreadable {
        /// What was read.
        what: String,
        /// Why it makes no sense.
        reason: String,
    },
}

impl RealError {
    /// Wraps an error of the operating system; use as `map_err(RealError::system("make a folder"))`.
    pub(crate) fn system(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::System { attempt, source }
    }

    /// Reports text of a component that does not make sense.
    pub(crate) fn unreadable(what: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Unreadable {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Debug for RealError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
