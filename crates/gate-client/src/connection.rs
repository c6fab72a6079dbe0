//! One connection to a server whose key is known: the key is proven on it before anything secret
//! goes over it, and what is proven of one connection says nothing of the next. So a client that
//! knows a key has one connection at a time, and never a second one under the same proof.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::redirect;
use tokio::sync::OnceCell;
use tower::{Layer, Service};

use crate::server_url::ServerUrl;
use crate::settings::{ClientSettings, SettingsError};

/// How long a call waits for the connection that is there to be free, where it may open no other.
const LINGER: Duration = Duration::from_millis(20);

/// What calls go over.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) http: reqwest::Client,
    /// Set once the server has proven its key on it.
    pub(crate) proven: OnceCell<()>,
}

impl Connection {
    /// Returns what opens one connection where the settings know the server's key, and otherwise
    /// as many as are needed. Nothing is sent.
    pub(crate) fn new(
        settings: &ClientSettings,
        tls: rustls::ClientConfig,
    ) -> Result<Self, SettingsError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .tls_info(true)
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
            .resolve_to_addrs("localhost", &ServerUrl::localhost_addresses());
        if settings.server_key.is_some() {
            builder = builder.connector_layer(Once::default());
        }
        Ok(Self {
            http: builder.build().map_err(SettingsError::Http)?,
            proven: OnceCell::new(),
        })
    }
}

/// The connection has ended, or is busy with another call: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("the connection on which the server proved its key has ended")]
pub(crate) struct Ended;

/// Tells whether a call was not sent because its connection has ended.
pub(crate) fn has_ended(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<Ended>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Lets one connection be opened, and no other.
#[derive(Clone, Debug, Default)]
struct Once {
    is_used: Arc<AtomicBool>,
}

impl<S> Layer<S> for Once {
    type Service = OnceService<S>;

    fn layer(&self, connect: S) -> OnceService<S> {
        OnceService {
            is_used: Arc::clone(&self.is_used),
            connect,
        }
    }
}

/// What opens the connection.
#[derive(Clone, Debug)]
struct OnceService<S> {
    is_used: Arc<AtomicBool>,
    connect: S,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S, To> Service<To> for OnceService<S>
where
    S: Service<To>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connect.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: To) -> Self::Future {
        if self.is_used.swap(true, Ordering::SeqCst) {
            // The one that is there comes back a moment after the answer on it was read to its
            // end, and whoever waits for either takes it then.
            return Box::pin(async {
                tokio::time::sleep(LINGER).await;
                Err(Ended.into())
            });
        }
        let connecting = self.connect.call(to);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}
