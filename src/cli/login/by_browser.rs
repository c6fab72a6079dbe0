//! The part of `gate login` that waits for a person at a browser.

use std::time::{Duration, Instant};

use gate_client::{Token, TokenError};
use gate_protocol::inert::inert;
use gate_protocol::sign_in::{DeviceState, StartedDevice};

use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::Session;

/// However a server puts it, it is not asked more often or more seldom than this.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_mins(1);
/// Nor waited for longer.
const LONGEST: Duration = Duration::from_mins(30);

/// Shows the code and returns the token once somebody has let this terminal in.
///
/// # Errors
/// Nobody does in time, somebody refuses, or the server does not answer.
pub(super) fn obtain(session: &Session) -> Result<Token, Failure> {
    let host = nix::unistd::gethostname().unwrap_or_default();
    let started = session.call(session.client().start_device(&host.to_string_lossy()))?;
    show(&started);
    let limit = Duration::from_secs(started.expires_in_seconds).min(LONGEST);
    let begun = Instant::now();
    let mut interval = bounded(started.interval_seconds);
    while begun.elapsed() < limit {
        session.block_on(async { tokio::time::sleep(interval).await });
        let asked = session.client().poll_device(&started.device_code);
        let polled = match session.block_on(asked) {
            Ok(polled) => polled,
            // A server that restarts, or a network that is away for a moment, ends nothing.
            Err(error) if error.is_retryable() => continue,
            Err(error) => return Err(crate::session::from_client(error)),
        };
        interval = bounded(polled.interval_seconds);
        match polled.state {
            DeviceState::Pending | DeviceState::SlowDown => {}
            DeviceState::Approved => return taken(polled.token.map(|created| created.token)),
            DeviceState::Denied => {
                return Err(Failure::new(
                    FailureKind::Denied,
                    "the person at the browser did not let this terminal in",
                ));
            }
            DeviceState::Expired => break,
        }
    }
    let failure = Failure::new(FailureKind::NoAnswer, "nobody typed the code in time");
    Err(failure.hint("run `gate login` again for a new one"))
}

/// The address stands apart from the code, as they must stay: whoever sends
/// somebody a link must not have them let a stranger in by one click.
fn show(started: &StartedDevice) {
    report::line(&format!("open {}", inert(&started.verification_url)));
    report::line(&format!(
        "and type this code there: {}",
        inert(&started.user_code)
    ));
    let minutes = (started.expires_in_seconds / 60).max(1);
    report::line(&format!("waiting; the code is good for {minutes} min"));
}

fn bounded(seconds: u64) -> Duration {
    Duration::from_secs(seconds).clamp(*INTERVALS.start(), *INTERVALS.end())
}

fn taken(token: Option<String>) -> Result<Token, Failure> {
    let token = token.ok_or_else(|| bad("the server let this terminal in and gave no token"))?;
    token
        .parse()
        .map_err(|error: TokenError| bad("what the server gave is no token").caused_by(error))
}

fn bad(text: &str) -> Failure {
    Failure::new(FailureKind::Configuration, text)
}
