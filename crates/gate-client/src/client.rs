//! The connection to one server: sends a question, within time, as often as allowed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_protocol::trace::TRACEPARENT;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, redirect};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::backoff::Backoff;
use crate::call::Call;
use crate::error::{Cause, ClientError};
use crate::reply::{Received, Reply};
use crate::server_url::ServerUrl;
use crate::settings::{ClientSettings, SettingsError};
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
    http: reqwest::Client,
    settings: ClientSettings,
}

impl Client {
    /// Returns a client for the server of these settings. Sends nothing.
    ///
    /// # Errors
    /// [`ClientError::Settings`] where the settings can't be used.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let tls = tls::client_config(settings.ca_certificates_pem.as_deref())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .https_only(settings.server.is_https())
            .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_mins(1))
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(15))
            .resolve_to_addrs("localhost", &ServerUrl::localhost_addresses())
            .build()
            .map_err(SettingsError::Http)?;
        Ok(Self(Arc::new(Shared { http, settings })))
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
        loop {
            let left = patience.total.saturating_sub(begun.elapsed());
            let error = match self.exchange_once(call, left).await {
                Err(error) if error.is_retryable() => error,
                answered => return answered,
            };
            attempts += 1;
            let delay = backoff.after_failure(error.retry_after());
            if attempts >= patience.attempts || begun.elapsed() + delay >= patience.total {
                return Err(error.given_up());
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends `call` once. One deadline covers everything from the name lookup
    /// to the last byte, so that a byte a second does not keep it alive.
    async fn exchange_once(&self, call: &Call, left: Duration) -> Result<Reply, ClientError> {
        let after = (self.0.settings.request_timeout + call.wait).min(left);
        let request = self.authenticated(call)?;
        let received = tokio::time::timeout(after, self.send(call, request)).await;
        let server = self.server();
        match received {
            Err(_) => Err(ClientError::Timeout {
                server: server.clone(),
                after,
            }),
            Ok(Err(error)) => {
                let limit = self.0.settings.connect_timeout;
                Err(ClientError::from_exchange(&error, server, limit))
            }
            Ok(Ok(answer)) => answer,
        }
    }

    async fn send(&self, call: &Call, request: reqwest::Request) -> Received {
        let response = self.0.http.execute(request).await?;
        Reply::receive(call, response).await
    }

    fn authenticated(&self, call: &Call) -> Result<reqwest::Request, ClientError> {
        let unsendable = |source| ClientError::Unsendable {
            what: call.what,
            source,
        };
        let mut request = call
            .to_request()
            .ok_or_else(|| unsendable(Cause::of_text("the body can be sent only once")))?;
        if let Some(trace) = trace::next() {
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
