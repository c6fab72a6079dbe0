//! The receiver, and how long it is left alone when it takes nothing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gate_client::{Backoff, Destination, ForwardError, OtlpSender, SyslogSender, Token};
use gate_protocol::inert::inert;
use gate_protocol::log::AuditRecord;

use crate::cli::audit::export::format;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::Session;

/// The first pause after something failed, at most, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// How often it is said that it still fails.
const SAY_AGAIN: Duration = Duration::from_mins(1);
/// How often a receiver is tried where nobody waits for it.
const TRIES: u32 = 3;

/// What takes the records.
#[derive(Debug)]
pub(super) enum Receiver {
    Syslog(SyslogSender),
    Otlp(OtlpSender),
}

impl Receiver {
    /// Returns the receiver at a destination. Sends nothing.
    ///
    /// # Errors
    /// A file can't be read or used.
    pub(super) fn new(
        destination: Destination,
        ca_file: Option<&Path>,
        token_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| unusable(path).caused_by(error));
        let ca_pem = ca_file.map(read).transpose()?;
        let token = token_file.map(|path| {
            let text = String::from_utf8_lossy(&read(path)?).trim().to_owned();
            text.parse::<Token>()
                .map_err(|error| unusable(path).caused_by(error))
        });
        let token = token.transpose()?;
        if token.is_some() && destination.is_syslog() {
            let text = "a syslog receiver takes no token";
            return Err(Failure::new(FailureKind::Usage, text));
        }
        let made = if destination.is_syslog() {
            SyslogSender::new(destination, ca_pem.as_deref()).map(Self::Syslog)
        } else {
            let header = |token: Token| {
                let value = format!("Bearer {}", token.expose());
                ("authorization".to_owned(), value)
            };
            let headers: Vec<_> = token.map(header).into_iter().collect();
            OtlpSender::new(destination, ca_pem.as_deref(), &headers).map(Self::Otlp)
        };
        made.map_err(|error| {
            Failure::new(FailureKind::Configuration, "the receiver can't be used").caused_by(error)
        })
    }

    /// Sends records once.
    pub(super) fn send(
        &self,
        session: &Session,
        records: &[AuditRecord],
    ) -> Result<(), ForwardError> {
        match self {
            Self::Syslog(syslog) => {
                let messages: Vec<String> = records.iter().map(format::cef).collect();
                syslog.send(&messages)
            }
            Self::Otlp(otlp) => {
                let request = format::otlp(records);
                if let Some(said) = session.block_on(otlp.send(&request))? {
                    // The protocol says not to send them again.
                    report::line(&format!("warning: {}", inert(&said)));
                }
                Ok(())
            }
        }
    }
}

fn unusable(path: &Path) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(FailureKind::Configuration, format!("cannot use `{shown}`"))
}

/// The pauses between tries, of which not each is told.
#[derive(Debug)]
pub(super) struct Pauses {
    backoff: Backoff,
    /// None where it is tried until it succeeds.
    tries_left: Option<u32>,
    said: Option<Instant>,
}

impl Pauses {
    /// Returns those of a forwarder that goes on for ever, or only to the end of the log.
    pub(super) fn new(goes_on: bool) -> Self {
        Self {
            backoff: Backoff::new(PAUSES.0, PAUSES.1),
            tries_left: (!goes_on).then_some(TRIES),
            said: None,
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `failure` itself, where it was the last one.
    pub(super) fn wait(
        &mut self,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> Result<(), Failure> {
        if let Some(left) = &mut self.tries_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Err(failure);
            }
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            self.said = Some(Instant::now());
            report::line(&format!("{failure}; trying again"));
        }
        std::thread::sleep(self.backoff.after_failure(retry_after));
        Ok(())
    }

    /// Takes note that it succeeded.
    pub(super) fn over(&mut self) {
        self.backoff.reset();
        if let Some(left) = &mut self.tries_left {
            *left = TRIES;
        }
        if self.said.take().is_some() {
            report::line("records are forwarded again");
        }
    }
}

/// The files that a receiver is known by.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Certificates to trust besides the public ones, in PEM, for the receiver.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// A file with the token that a collector of OTLP wants to see.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}
