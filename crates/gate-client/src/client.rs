//! The connection to one server: sends a question, within time, as often as allowed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::server_proof::SignedServerProof;
use gate_protocol::signed_note::VerifierKey;
use gate_protocol::trace::TRACEPARENT;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::tls::TlsInfo;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::backoff::Backoff;
use crate::call::Call;
use crate::connection::{Connection, has_ended};
use crate::error::{Cause, ClientError};
use crate::reply::Reply;
use crate::server_url::ServerUrl;
use crate::settings::ClientSettings;
use crate::{tls, trace};

/// How often and how long one question is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often it is sent at most.
    pub(crate) attempts: u32,
    /// When no further attempt begins, and the last one is cut off.
    pub(crate) total: Duration,
}

impl Patience {
    /// Sent once: a second time could do it a second time.
    pub(crate) const ONCE: Self = Self {
        attempts: 1,
        total: Duration::from_mins(1),
    };
    /// For a person who watches. Without `Retry-After` the pauses add up to at
    /// most 1.5 s, so that a server that is down is said soon.
    pub(crate) const SHORT: Self = Self {
        attempts: 5,
        total: Duration::from_mins(1),
    };
    /// For a claim, whose lost answer means "may have run": the pauses add up to
    /// at most 16.3 s.
    pub(crate) const LONG: Self = Self {
        attempts: 9,
        total: Duration::from_secs(90),
    };
    /// For the way out after Ctrl-C.
    pub(crate) const LEAVING: Self = Self {
        attempts: 3,
        total: Duration::from_secs(5),
    };

    const FIRST_DELAY: Duration = Duration::from_millis(100);
    const LONGEST_DELAY: Duration = Duration::from_secs(5);
}

/// A thing as it was when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged<T> {
    /// The thing.
    pub thing: T,
    /// Its tag, for a change of just this; none where the server names none.
    pub etag: Option<String>,
}

/// Speaks with one approval server. Cheap to clone; clones share one connection.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connection: Mutex<Arc<Connection>>,
    tls: rustls::ClientConfig,
    settings: ClientSettings,
}

/// How often a call is begun anew because the connection that it was to go over has ended.
const CONNECTIONS: usize = 3;

/// Why a call has no answer.
enum Lost {
    /// Its connection has ended, and nothing was sent on it.
    Unsent,
    /// For good, as far as this attempt goes.
    Failed(ClientError),
}

impl From<ClientError> for Lost {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

impl Client {
    /// Returns a client for the server of these settings. Sends nothing.
    ///
    /// # Errors
    /// [`ClientError::Settings`] where the settings can't be used.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let tls = tls::client_config(settings.ca_certificates_pem.as_deref())?;
        let connection = Connection::new(&settings, tls.clone())?;
        Ok(Self(Arc::new(Shared {
            connection: Mutex::new(Arc::new(connection)),
            tls,
            settings,
        })))
    }

    /// Returns the server that this client speaks with.
    pub fn server(&self) -> &ServerUrl {
        &self.0.settings.server
    }

    pub(crate) fn get(&self, what: &'static str, path: &str) -> Call {
        Call::new(what, Method::GET, self.server().join(path))
    }

    pub(crate) fn post(&self, what: &'static str, path: &str) -> Call {
        Call::new(what, Method::POST, self.server().join(path))
    }

    /// Returns a call of a path with names in it that somebody typed: each part is
    /// one segment, whatever characters it has.
    pub(crate) fn named(
        &self,
        what: &'static str,
        method: Method,
        path: &[&str],
    ) -> Result<Call, ClientError> {
        let unsendable = |why| ClientError::Unsendable {
            what,
            source: Cause::of_text(why),
        };
        // These name no segment, and would name another thing. Source: WHATWG URL, "path state".
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(unsendable("the name is empty or made of dots"));
        }
        let mut url = self.server().join("/");
        url.path_segments_mut()
            .map_err(|()| unsendable("the server's URL has no path"))?
            .clear()
            .extend(path);
        Ok(Call::new(what, method, url))
    }

    /// Asks until there is an answer, or `patience` ends.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        patience: Patience,
    ) -> Result<T, ClientError> {
        self.exchange(call, patience).await?.decode()
    }

    /// Asks as [`ask`](Self::ask) does, and keeps the tag of what is there.
    pub(crate) async fn ask_tagged<T: DeserializeOwned>(
        &self,
        call: &Call,
        patience: Patience,
    ) -> Result<Tagged<T>, ClientError> {
        let answer = self.exchange(call, patience).await?;
        Ok(Tagged {
            thing: answer.decode()?,
            etag: answer.etag,
        })
    }

    /// Sends `call` until there is an answer, or `patience` ends. Every attempt
    /// is the same to the byte, idempotency key and nonce included.
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        patience: Patience,
    ) -> Result<Reply, ClientError> {
        let begun = Instant::now();
        let mut backoff = Backoff::new(Patience::FIRST_DELAY, Patience::LONGEST_DELAY);
        let mut attempts = 0;
        let mut said = None;
        loop {
            let left = patience.total.saturating_sub(begun.elapsed());
            let error = match self.exchange_once(call, left).await {
                Err(error) if error.is_retryable() => error,
                answered => return answered,
            };
            attempts += 1;
            let delay = backoff.after_failure(error.retry_after());
            if attempts >= patience.attempts || begun.elapsed() + delay >= patience.total {
                return Err(error.or_what_was_said(said).given_up());
            }
            if matches!(
                &error,
                ClientError::Unavailable {
                    problem: Some(_),
                    ..
                }
            ) {
                said = Some(error);
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends `call` once. One deadline covers everything from the name lookup
    /// to the last byte, so that a byte a second does not keep it alive.
    async fn exchange_once(&self, call: &Call, left: Duration) -> Result<Reply, ClientError> {
        let after = (self.0.settings.request_timeout + call.wait).min(left);
        let until = tokio::time::Instant::now() + after;
        let mut connection = self.connection();
        for _ in 0..CONNECTIONS {
            let exchanged = tokio::time::timeout_at(until, self.over(&connection, call)).await;
            let error = match exchanged {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(Lost::Unsent)) => {
                    connection = self.renewed(&connection)?;
                    continue;
                }
                Ok(Err(Lost::Failed(error))) => error,
                Err(_) => ClientError::Timeout {
                    server: self.server().clone(),
                    after,
                },
            };
            if error.is_of_the_connection() {
                self.renewed(&connection)?;
            }
            return Err(error);
        }
        Err(ClientError::Unreachable {
            server: self.server().clone(),
            source: Cause::of_text("each connection ended before anything was sent on it"),
        })
    }

    /// Sends `call` over this connection, once the server has proven its key on it.
    async fn over(&self, connection: &Connection, call: &Call) -> Result<Reply, Lost> {
        if call.needs_proof
            && let Some(key) = &self.0.settings.server_key
        {
            let prove = || self.prove(connection, key);
            connection.proven.get_or_try_init(prove).await?;
        }
        let request = self.authenticated(call)?;
        self.send(connection, request, call)
            .await
            .map(|(reply, _)| reply)
    }

    /// Has the server prove that it has `key`, or one that came after it, on this connection and
    /// on no other. What is sent for it is no secret.
    async fn prove(&self, connection: &Connection, key: &VerifierKey) -> Result<(), Lost> {
        let what = "the proof of the server's key";
        let unproven = |source| ClientError::Unproven {
            server: self.server().clone(),
            source,
        };
        let nonce = Nonce::generate().map_err(|error| ClientError::Unsendable {
            what,
            source: Cause::innermost_of(&error),
        })?;
        let call = self.get(what, "/v1/server/proof").unproven();
        let call = call.query("nonce", &nonce.to_string());
        let request = self.authenticated(&call)?;
        let sent = self.send(connection, request, &call).await;
        let (reply, certificate) = sent.map_err(|lost| match lost {
            // A server without a word for it, or one that is none of ours.
            Lost::Failed(error) if error.is_unknown_there() => {
                unproven(Cause::of_message(&error)).into()
            }
            lost @ (Lost::Unsent | Lost::Failed(_)) => lost,
        })?;
        let signed: SignedServerProof = reply.decode()?;
        let verified = signed.verify(key, &nonce, certificate.as_ref());
        Ok(verified.map_err(|error| unproven(Cause::of_message(&error)))?)
    }

    /// Sends one request, and returns the answer with the hash of the certificate that came first.
    async fn send(
        &self,
        connection: &Connection,
        request: reqwest::Request,
        call: &Call,
    ) -> Result<(Reply, Option<Digest>), Lost> {
        let failed = |error: reqwest::Error| {
            if has_ended(&error) {
                return Lost::Unsent;
            }
            let limit = self.0.settings.connect_timeout;
            Lost::Failed(ClientError::from_exchange(&error, self.server(), limit))
        };
        let response = connection.http.execute(request).await.map_err(failed)?;
        let tls = response.extensions().get::<TlsInfo>();
        let certificate = tls.and_then(TlsInfo::peer_certificate);
        let certificate = certificate.map(Digest::of_bytes);
        let reply = Reply::receive(call, response).await.map_err(failed)??;
        Ok((reply, certificate))
    }

    fn connection(&self) -> Arc<Connection> {
        let connection = self.0.connection.lock();
        Arc::clone(&connection.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a new connection, on which nothing is proven yet, where the server's key is known. Whoever
    /// calls next goes over it too, if this was the one in use; a busy one stays that.
    fn renewed(&self, ended: &Arc<Connection>) -> Result<Arc<Connection>, ClientError> {
        if self.0.settings.server_key.is_none() {
            return Ok(Arc::clone(ended));
        }
        let fresh = Arc::new(Connection::new(&self.0.settings, self.0.tls.clone())?);
        let connection = self.0.connection.lock();
        let mut connection = connection.unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&connection, ended) {
            *connection = Arc::clone(&fresh);
        }
        Ok(fresh)
    }

    fn authenticated(&self, call: &Call) -> Result<reqwest::Request, ClientError> {
        let unsendable = |source| ClientError::Unsendable {
            what: call.what,
            source,
        };
        let mut request = call
            .to_request()
            .ok_or_else(|| unsendable(Cause::of_text("the body can be sent only once")))?;
        if let Some(trace) = trace::header() {
            request.headers_mut().insert(TRACEPARENT, trace);
        }
        if call.is_authenticated {
            let token = self.0.settings.token.as_ref();
            let token = token.ok_or_else(|| ClientError::NoToken(self.server().clone()))?;
            let text = Zeroizing::new(format!("Bearer {}", token.expose()));
            let mut value = HeaderValue::from_str(&text)
                .map_err(|error| unsendable(Cause::innermost_of(&error)))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}
