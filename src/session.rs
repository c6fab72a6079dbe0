//! A connection to the approval server for one run: client, runtime, and the
//! one place where what the client met becomes a failure with its exit code.

use std::time::Duration;

use gate_client::{Client, ClientError, ClientSettings, ServerUrl, Token};
use gate_protocol::problem::ProblemCode;
use gate_protocol::signed_note::VerifierKey;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::credential;
use crate::failure::{Failure, FailureKind};
use crate::job;
use crate::progress::Voice;
use crate::world::World;

/// How many steps of its parts a runtime takes without waiting.
const STEPS: u32 = 3;

/// A client with the runtime that it lives in. Dropping it ends every connection, and waits for nothing.
///
/// It may live while a tool runs, so that the end of the run is told over the connection that is
/// there: the runtime has no thread of its own, and what helps it to look up names takes no signal.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    /// There until this is dropped.
    runtime: Option<Runtime>,
}

/// A name that does not resolve would hold the caller: a runtime that is dropped waits for whoever
/// looks it up.
impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Connects with the stored token.
///
/// # Errors
/// No server is configured, no token is stored, or the settings are bad.
/// Nothing is sent yet.
pub(crate) fn connect(world: &World) -> Result<Session, Failure> {
    connect_within(world, None, Voice::Human)
}

/// Connects with the stored token, or in a CI job with one that the job gets for
/// itself; for whose keyring a run waits no longer than
/// `patience`, and tells `voice` of that wait.
///
/// # Errors
/// As [`connect`].
pub(crate) fn connect_within(
    world: &World,
    patience: Option<Duration>,
    voice: Voice,
) -> Result<Session, Failure> {
    let server = world.configuration()?.server()?;
    let kept = credential::load(world, server, patience, voice)?;
    let token = match kept {
        Some((token, _place)) => Some(token),
        None => job::token(world, server)?,
    };
    let Some(token) = token else {
        return Err(Failure::new(
            FailureKind::Configuration,
            format!("not logged in to `{server}`"),
        )
        .hint(format!(
            "run `gate login --server {server}`, or set GATE_TOKEN"
        )));
    };
    let key = known_key(world, server)?;
    open(world, server, |settings| {
        settings.with_token(token).with_server_key(key)
    })
}

/// Connects with the stored token where it is at hand: nobody is asked, nothing is told, and what is
/// in the way means none.
pub(crate) fn connect_unasked(world: &World, patience: Duration) -> Option<Session> {
    let server = world.configuration().ok()?.server().ok()?;
    let token = credential::at_hand(world, server, patience)?;
    let key = known_key(world, server).ok()?;
    let opened = open(world, server, |settings| {
        settings.with_token(token).with_server_key(key)
    });
    opened.ok()
}

/// Connects without a token, for what a server tells anyone.
///
/// # Errors
/// The settings are bad. Nothing is sent yet.
pub(crate) fn connect_anonymously(world: &World, server: &ServerUrl) -> Result<Session, Failure> {
    open(world, server, |settings| settings)
}

/// Connects without a token, for what is nobody's business but that of the server with this key.
///
/// # Errors
/// The settings are bad. Nothing is sent yet.
pub(crate) fn connect_proven(
    world: &World,
    server: &ServerUrl,
    key: Option<VerifierKey>,
) -> Result<Session, Failure> {
    open(world, server, |settings| settings.with_server_key(key))
}

/// Connects with a token that is not stored yet, to see what it is worth.
///
/// # Errors
/// The settings are bad. Nothing is sent yet.
pub(crate) fn connect_with(
    world: &World,
    (server, key): (&ServerUrl, VerifierKey),
    token: Token,
) -> Result<Session, Failure> {
    open(world, server, |settings| {
        settings.with_token(token).with_server_key(Some(key))
    })
}

/// Returns the key that is known of a server: the pinned one, or the newest that came after it.
///
/// # Errors
/// The configuration can't be read.
pub(crate) fn known_key(world: &World, server: &ServerUrl) -> Result<Option<VerifierKey>, Failure> {
    let configuration = world.configuration()?;
    let is_configured = configuration
        .server()
        .is_ok_and(|configured| configured == server);
    Ok(is_configured
        .then(|| configuration.server_key().ok())
        .flatten())
}

fn open(
    world: &World,
    server: &ServerUrl,
    complete: impl FnOnce(ClientSettings) -> ClientSettings,
) -> Result<Session, Failure> {
    let mut settings = ClientSettings::new(server.clone());
    settings.ca_certificates_pem = world.configuration()?.ca_certificates_pem();
    let client = Client::new(complete(settings)).map_err(from_client)?;
    let runtime = runtime().map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot start the network runtime").caused_by(error)
    })?;
    let runtime = Some(runtime);
    Ok(Session { client, runtime })
}

/// One thread: the waiting process is to be as small as sudo's. Another one looks up names.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .on_thread_start(gate_exec::signal::leave_to_others)
        .build()
}

impl Session {
    /// Returns the client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    #[expect(clippy::expect_used, reason = "only the drop takes it")]
    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the session was not dropped")
    }

    /// Runs `future` to its end. What became of the connection since the last call is learned
    /// first, so that nothing is sent on one that the server has closed.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime().block_on(async {
            look_around().await;
            future.await
        })
    }

    /// Sends a call on its way, and waits for nothing.
    pub(crate) fn send<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let answer = self.runtime().spawn(call);
        self.go_on();
        answer
    }

    /// Does what can be done without waiting of what was sent on its way.
    pub(crate) fn go_on(&self) {
        self.runtime().block_on(look_around());
    }

    /// Waits for a call of the client, but not beyond `patience`: a server that
    /// sends a byte a second must not hold the caller.
    ///
    /// # Errors
    /// What the client met; [`ClientError::Timeout`] where `patience` ended.
    pub(crate) async fn within<T>(
        &self,
        patience: Option<Duration>,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let Some(after) = patience else {
            return call.await;
        };
        let answer = tokio::time::timeout(after, call).await;
        answer.unwrap_or_else(|_| {
            let server = self.client.server().clone();
            Err(ClientError::Timeout { server, after })
        })
    }

    /// Runs a call of the client to its end.
    ///
    /// # Errors
    /// What the client met, as a failure with its exit code.
    pub(crate) fn call<T>(
        &self,
        future: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, Failure> {
        self.block_on(future).map_err(from_client)
    }
}

/// Lets everything else of the runtime take the few steps that it can take at once: a call that is
/// handed to the connection, and a connection that writes it, are two, each behind a look at what
/// came.
async fn look_around() {
    for _ in 0..STEPS {
        tokio::task::yield_now().await;
    }
}

/// Returns the failure that a client's error is to the user.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in map_err, where the error is given away"
)]
pub(crate) fn from_client(error: ClientError) -> Failure {
    let hint = error.hint();
    let kind = match &error {
        ClientError::Settings(_) | ClientError::NoToken(_) => FailureKind::Configuration,
        ClientError::Unsendable { .. } => FailureKind::Internal,
        ClientError::Unreachable { .. }
        | ClientError::Tls { .. }
        | ClientError::Unproven { .. }
        | ClientError::Timeout { .. }
        | ClientError::Unavailable { .. }
        | ClientError::Garbled { .. } => FailureKind::Unreachable,
        ClientError::Unanswered => FailureKind::NoAnswer,
        ClientError::Refused(problem) => refusal(problem.code),
    };
    let is_unknown_token = matches!(
        &error,
        ClientError::Refused(problem) if problem.code == ProblemCode::Unauthorized
    );
    let (text, hint) = if is_unknown_token {
        (
            "the approval server does not accept the token: it is unknown, ended or disabled"
                .to_owned(),
            "run `gate login`, or set another GATE_TOKEN",
        )
    } else {
        (error.to_string(), hint)
    };
    let failure = Failure::new(kind, text).hint(hint);
    match std::error::Error::source(&error).map(ToString::to_string) {
        Some(cause) => failure.caused_by(Cause(cause)),
        None => failure,
    }
}

/// The cause of a client's error, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

fn refusal(code: ProblemCode) -> FailureKind {
    // The list is open: what is new there is a defect of one side.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "ProblemCode is non-exhaustive"
    )]
    match code {
        // The token that is configured here is not one for this. That is no
        // answer to a command: a rule or a person has said nothing about one.
        ProblemCode::Unauthorized
        | ProblemCode::Forbidden
        | ProblemCode::SelfReview
        | ProblemCode::Excluded => FailureKind::Configuration,
        ProblemCode::TooMany => FailureKind::NoAnswer,
        ProblemCode::Denied => FailureKind::Denied,
        _ => FailureKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_ends_does_not_wait_for_who_looks_up_a_name() {
        let (started, has_started) = std::sync::mpsc::channel();
        let (go_on, held) = std::sync::mpsc::channel::<()>();
        let server = "http://127.0.0.1:1".parse().unwrap();
        let session = Session {
            client: Client::new(ClientSettings::new(server)).unwrap(),
            runtime: Some(runtime().unwrap()),
        };
        session.runtime().spawn_blocking(move || {
            started.send(()).unwrap();
            let _ended = held.recv();
        });
        has_started.recv().unwrap();
        // It would never return: what it waited for waits for `go_on`.
        drop(session);
        drop(go_on);
    }

    /// A signal that it took would be neither the tool's nor gate's.
    #[test]
    fn the_thread_that_looks_up_names_takes_no_signal() {
        let runtime = runtime().unwrap();
        let read = || std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let status = runtime.block_on(async { tokio::task::spawn_blocking(read).await.unwrap() });
        // KILL and STOP can't be blocked.
        assert!(status.contains("\nSigBlk:\tfffffffffffbfeff\n"), "{status}");
    }
}
