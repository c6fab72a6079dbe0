//! Sends records of the audit log to a system of somebody else's: a syslog receiver, or a collector of
//! OpenTelemetry. What was sent counts only once the other side has taken it.

mod destination;
mod otlp;
mod syslog;

pub use destination::{Destination, DestinationError};
pub use otlp::OtlpSender;
pub use syslog::SyslogSender;

use std::time::Duration;

/// Why records were not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// The other side is not there, is not who it should be, or says to come back.
    #[error("`{destination}` takes no records now: {why}")]
    Later {
        /// Where they were to go.
        destination: String,
        /// What happened.
        why: String,
        /// How long the other side wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The other side will not take these records however often they are sent.
    #[error("`{destination}` refuses the records: {why}")]
    Refused {
        /// Where they were to go.
        destination: String,
        /// What it said.
        why: String,
    },
}

/// Returns an error with all of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
