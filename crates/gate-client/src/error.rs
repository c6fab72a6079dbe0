//! Why there is no answer. None of these is ever an approval.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use gate_protocol::inert::inert;
use gate_protocol::problem::{Problem, ProblemCode};
use rustls::CertificateError;

use crate::server_url::ServerUrl;
use crate::settings::SettingsError;

/// Why a question to the approval server has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The settings are wrong; nothing was sent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The question needs a token and there is none; nothing was sent.
    #[error("no token for the approval server `{0}`")]
    NoToken(ServerUrl),
    /// The question itself can't be put into a request; nothing was sent.
    #[error("cannot encode {what}")]
    Unsendable {
        /// What was asked.
        what: &'static str,
        /// Why it can't be sent.
        #[source]
        source: Cause,
    },
    /// The connection could not be made, or broke before the answer was whole.
    #[error("cannot reach the approval server `{server}`")]
    Unreachable {
        /// The server that was asked.
        server: ServerUrl,
        /// The innermost cause.
        #[source]
        source: Cause,
    },
    /// The server could not be authenticated, or TLS could not be agreed on.
    #[error("no secure connection to the approval server `{server}`")]
    Tls {
        /// The server that was asked.
        server: ServerUrl,
        /// What to look at first.
        fault: TlsFault,
        /// The innermost cause.
        #[source]
        source: Cause,
    },
    /// It is not the server whose key is known, or somebody stands between; no token was sent.
    #[error("what answers for `{server}` does not prove that it has the key of that server")]
    Unproven {
        /// The server that was asked.
        server: ServerUrl,
        /// What is wrong with the proof.
        #[source]
        source: Cause,
    },
    /// The answer was not whole in time.
    #[error("the approval server `{server}` did not answer within {} s", .after.as_secs())]
    Timeout {
        /// The server that was asked.
        server: ServerUrl,
        /// How long was waited.
        after: Duration,
    },
    /// The server, or something in front of it, can't answer now: 408, 429 or 5xx.
    #[error("the approval server cannot answer now: {}", shown_status(*.status, .problem.as_deref()))]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The server's words, where it had any.
        problem: Option<Box<Problem>>,
        /// When to ask again, where the server said so in seconds.
        retry_after: Option<Duration>,
    },
    /// The server understood and says no.
    #[error("the approval server refused: {}", shown_problem(.0))]
    Refused(Box<Problem>),
    /// The answer is not one that a gate server gives to this question.
    #[error("the answer to {what} is garbled: {why}")]
    Garbled {
        /// What was asked.
        what: &'static str,
        /// What is wrong with the answer, made inert.
        why: String,
    },
    /// The caller's deadline passed while the server could be reached and nobody
    /// had answered.
    #[error("nobody answered in time")]
    Unanswered,
}

/// What to look at first when TLS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate is not valid now, by this machine's clock.
    Clock,
    /// The certificate leads to no trusted root.
    Untrusted,
    /// The certificate is for another name.
    Name,
    /// Anything else.
    Other,
}

/// The innermost cause of a failure, in the words of the library that met it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

impl Cause {
    pub(crate) fn of_text(text: &str) -> Self {
        Self(inert(text).into_owned())
    }

    /// Returns what an error says of itself, made inert.
    pub(crate) fn of_message(error: &dyn Error) -> Self {
        Self::of_text(&error.to_string())
    }

    /// Returns the last error of the chain of sources, made inert.
    pub(crate) fn innermost_of(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(inert(&innermost.to_string()).into_owned())
    }
}

impl ClientError {
    /// Sorts what the HTTP library reports about an exchange.
    pub(crate) fn from_exchange(
        error: &reqwest::Error,
        server: &ServerUrl,
        connect_timeout: Duration,
    ) -> Self {
        let server = server.clone();
        let source = Cause::innermost_of(error);
        if let Some(tls) = tls_cause(error) {
            let fault = TlsFault::of(tls);
            return Self::Tls {
                server,
                fault,
                source,
            };
        }
        if error.is_connect() && error.is_timeout() {
            return Self::Timeout {
                server,
                after: connect_timeout,
            };
        }
        Self::Unreachable { server, source }
    }

    /// Returns a [`ClientError::Garbled`] with its text made inert.
    pub(crate) fn garbled(what: &'static str, why: impl fmt::Display) -> Self {
        let why: String = why.to_string().chars().take(300).collect();
        Self::Garbled {
            what,
            why: inert(&why).into_owned(),
        }
    }

    /// Tells whether the same question, asked again later, may well be answered.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Unavailable { .. } => true,
            Self::Settings(_)
            | Self::NoToken(_)
            | Self::Unsendable { .. }
            | Self::Tls { .. }
            | Self::Unproven { .. }
            | Self::Refused(_)
            | Self::Garbled { .. }
            | Self::Unanswered => false,
        }
    }

    /// Returns what the server said before, where it was waited for in vain after that: its words say
    /// more.
    pub(crate) fn or_what_was_said(self, said: Option<Self>) -> Self {
        match (self, said) {
            (Self::Timeout { .. }, Some(said)) => said,
            (last, _) => last,
        }
    }

    /// Tells whether the server has nothing at that path, or lets nobody to it without a name.
    pub(crate) fn is_unknown_there(&self) -> bool {
        let Self::Refused(problem) = self else {
            return false;
        };
        matches!(
            problem.code,
            ProblemCode::BadRequest
                | ProblemCode::Unauthorized
                | ProblemCode::Forbidden
                | ProblemCode::NotFound
                | ProblemCode::MethodNotAllowed
        )
    }

    /// Tells whether the connection is of no use any more.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::Unproven { .. }
            | Self::Garbled { .. } => true,
            Self::Settings(_)
            | Self::NoToken(_)
            | Self::Unsendable { .. }
            | Self::Unavailable { .. }
            | Self::Refused(_)
            | Self::Unanswered => false,
        }
    }

    /// Returns what is left of it once nobody waits any more: too many calls are a refusal then,
    /// by a server that can be reached.
    pub(crate) fn given_up(self) -> Self {
        if let Self::Unavailable {
            problem: Some(problem),
            ..
        } = &self
            && problem.code == ProblemCode::TooMany
        {
            return Self::Refused(problem.clone());
        }
        self
    }

    /// Returns how long the server asked to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Unavailable { retry_after, .. } = self {
            return *retry_after;
        }
        None
    }

    /// Returns what the user can do about it, as a short sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Settings(_) => "mend the setting and run again",
            Self::NoToken(_) => "run `gate login`, or set GATE_TOKEN",
            Self::Unsendable { .. } => "this is a defect of gate; please report it",
            Self::Unreachable { .. } => {
                "see that the server runs and the network is up, then run again"
            }
            Self::Tls { fault, .. } => fault.hint(),
            Self::Unproven { .. } => {
                "no token was sent; see that the URL is your server's, and that a proxy which ends \
                 its TLS stands in the server's `trusted_proxies`"
            }
            Self::Timeout { .. } | Self::Unavailable { .. } => "run again in a moment",
            Self::Refused(problem) => refusal_hint(problem.code),
            Self::Garbled { .. } => {
                "see that the URL names a gate server of this version, with no proxy or portal in between"
            }
            Self::Unanswered => "run the same command again to go on waiting",
        }
    }
}

impl TlsFault {
    fn of(error: &rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(certificate) = error else {
            return Self::Other;
        };
        // The list is open: what is new there stays without a special hint.
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "a foreign, open list of causes"
        )]
        match certificate {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Clock,
            // A signature that does not hold is what a renewed authority of the same
            // name looks like.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::Name
            }
            _ => Self::Other,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Clock => "check the clock of this machine, then the server's certificate",
            Self::Untrusted => "name the CA file of the server's certificate in gate's settings",
            Self::Name => "use the host name that stands in the server's certificate",
            Self::Other => "see that the server speaks TLS 1.2 or 1.3, and check the clock",
        }
    }
}

/// Finds the TLS library's error in the chain of causes. It travels inside an
/// `io::Error`, whose `source()` skips the error that it carries.
fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Returns what can be done about a refusal of this kind.
fn refusal_hint(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::Unauthorized => "run `gate login`, or set another GATE_TOKEN",
        ProblemCode::Forbidden => "see `gate whoami` for what the token may do",
        ProblemCode::Denied => "nothing was run; `gate rules show` says what the rule is about",
        ProblemCode::SelfReview | ProblemCode::Excluded => "ask somebody else to review it",
        ProblemCode::NotFound => "see that the name or the id is right",
        ProblemCode::Conflict
        | ProblemCode::Lapsed
        | ProblemCode::Stale
        | ProblemCode::DigestMismatch => "nothing was changed; look at how it stands now",
        ProblemCode::BadRequest => "nothing was changed; mend what the server names",
        ProblemCode::TooLarge => "nothing was changed; send less at a time",
        ProblemCode::TooMany => {
            "cancel what is no longer wanted: `gate requests list --mine` shows it; or wait"
        }
        ProblemCode::IdempotencyMismatch
        | ProblemCode::MediaType
        | ProblemCode::MethodNotAllowed
        | ProblemCode::PreconditionRequired => {
            "see that client and server are of the same version, and that no proxy stands in between"
        }
        ProblemCode::Internal | ProblemCode::Unavailable => {
            "tell who runs the server; its log says more"
        }
        // A kind that a newer server knows.
        _ => "see that client and server are of the same version",
    }
}

fn shown_problem(problem: &Problem) -> String {
    let words = problem.detail.as_deref().unwrap_or(&problem.title);
    let words: String = words.chars().take(500).collect();
    inert(&words).into_owned()
}

fn shown_status(status: u16, problem: Option<&Problem>) -> String {
    match problem {
        Some(problem) => format!("{status}, {}", shown_problem(problem)),
        None => format!("HTTP status {status}"),
    }
}
