//! The one way out, for channels and for those who vouch for people: HTTP to an
//! address that was looked up once and judged, with no redirect, no proxy and a
//! bound on everything.
//!
//! Nothing comes from the environment (no proxy, no trust roots), as in
//! gate-client: who can set a variable of the server must not choose who people
//! are, or who hears of requests.

mod names;
mod network;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

pub use network::Network;

use self::names::Names;
use self::network::is_global;

/// How long an exchange may take, name lookup and TLS included.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most of an answer that is read, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// Why nothing was sent, or no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    /// It will not get better by itself.
    #[error("{0}")]
    Refused(String),
    /// It may.
    #[error("{0}")]
    Failed(String),
}

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("cannot read `{path}`")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{0}` holds no certificate that can be trusted")]
    Certificate(String),
    #[error("TLS can't be set up")]
    Tls(#[source] rustls::Error),
}

/// What is to be sent.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// How long the other side asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value, OutboundError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| OutboundError::Failed(format!("the answer ({}) is not JSON", self.status)))
    }
}

/// The way out.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    allow_private: Arc<[Network]>,
    /// A host that the settings name by itself: it may be a private one.
    own: Option<Arc<str>>,
    names: Names,
    tls: Arc<ClientConfig>,
    ca_pem: Option<Arc<[u8]>>,
}

impl Outbound {
    /// Returns a way out with Mozilla's roots and those in `ca_file`.
    pub(crate) fn new(
        allow_private: &[Network],
        ca_file: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let ca_pem = match ca_file {
            Some(path) => Some(trust(path, &mut roots)?),
            None => None,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            allow_private: allow_private.into(),
            own: None,
            names: Names::System,
            tls: Arc::new(tls),
            ca_pem: ca_pem.map(Arc::from),
        })
    }

    /// Returns the same way out, for whom the settings name this host: it and no
    /// other may be a private one, and without TLS where that is this machine.
    pub(crate) fn towards(&self, host: &str) -> Self {
        Self {
            own: Some(host.into()),
            ..self.clone()
        }
    }

    /// Returns the certificates that are trusted besides Mozilla's roots.
    pub(crate) fn ca_pem(&self) -> Option<&[u8]> {
        self.ca_pem.as_deref()
    }

    /// Returns how TLS is done on the way out.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    fn is_own(&self, host: &str) -> bool {
        self.own.as_deref() == Some(host)
    }

    fn is_allowed_private(&self, address: IpAddr) -> bool {
        self.allow_private.iter().any(|net| net.has(address))
    }

    /// Looks a name up once and returns an address to connect to.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, OutboundError> {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let looking = tokio::time::timeout(PATIENCE, self.names.look_up(name, port));
        let found = match looking.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                return Err(OutboundError::Failed(format!("no address of it: {error}")));
            }
            Err(_) => return Err(OutboundError::Failed("its name took too long".to_owned())),
        };
        self.judge(host, &found)
    }

    /// Returns the address to connect to, of all that a name has. Where any of them may not be
    /// connected to, none is: which one is used must not be up to who answers the lookup.
    fn judge(&self, host: &str, found: &[SocketAddr]) -> Result<SocketAddr, OutboundError> {
        let is_own = self.is_own(host);
        let is_fine =
            |one: &SocketAddr| is_own || is_global(one.ip()) || self.is_allowed_private(one.ip());
        if !found.iter().all(is_fine) {
            return Err(OutboundError::Refused(
                "its address is not of the public internet, and `allow_private` in `[outbound]` \
                 does not name it"
                    .to_owned(),
            ));
        }
        let first = found.first().copied();
        first.ok_or_else(|| OutboundError::Failed("it has no address".to_owned()))
    }

    /// Refuses what is not TLS, but where the settings name the address.
    pub(crate) fn admit(&self, is_secure: bool, address: SocketAddr) -> Result<(), OutboundError> {
        if is_secure || self.is_allowed_private(address.ip()) {
            return Ok(());
        }
        Err(OutboundError::Refused(
            "it is not reached by TLS; only what `allow_private` names may be without".to_owned(),
        ))
    }

    /// Returns the address to connect to, if it may be, by TLS or without.
    pub(crate) async fn reach(
        &self,
        is_secure: bool,
        host: &str,
        port: u16,
    ) -> Result<SocketAddr, OutboundError> {
        let address = self.resolve(host, port).await?;
        let stays_here = self.is_own(host) && address.ip().is_loopback();
        if !stays_here {
            self.admit(is_secure, address)?;
        }
        Ok(address)
    }

    /// Sends once and returns what came back, whatever its status.
    pub(crate) async fn send(&self, exchange: Exchange) -> Result<Reply, OutboundError> {
        match tokio::time::timeout(PATIENCE, self.exchange(exchange)).await {
            Ok(answered) => answered,
            Err(_) => Err(OutboundError::Failed("it took too long".to_owned())),
        }
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Reply, OutboundError> {
        let url = exchange.url;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OutboundError::Refused("only https is spoken".to_owned())),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(OutboundError::Refused("the address has no host".to_owned()));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Refused(
                "the address must not carry a password".to_owned(),
            ));
        }
        let address = self.reach(is_secure, host, port).await?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured((*self.tls).clone())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(PATIENCE)
            // What was judged is what is connected to.
            .resolve(host, address)
            .build()
            .map_err(failed)?;
        let request = client
            .request(exchange.method, url)
            .headers(exchange.headers)
            .body(exchange.body);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(OutboundError::Failed("its answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            retry_after,
            body,
        })
    }
}

/// Adds what a file holds to the roots, and returns it.
fn trust(path: &Path, roots: &mut RootCertStore) -> Result<Vec<u8>, TrustError> {
    let shown = path.display().to_string();
    let pem = std::fs::read(path).map_err(|source| TrustError::File {
        path: shown.clone(),
        source,
    })?;
    let unusable = || TrustError::Certificate(shown.clone());
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unusable())?;
        roots.add(certificate).map_err(|_| unusable())?;
    }
    if roots.len() == before {
        return Err(unusable());
    }
    Ok(pem)
}

/// Says what failed without the address: it can hold a secret.
fn failed(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        text = source.to_string();
        cause = source.source();
    }
    OutboundError::Failed(text)
}

/// Reads an address.
pub(crate) fn parse_url(text: &str) -> Result<Url, OutboundError> {
    Url::parse(text).map_err(|_| OutboundError::Refused("the address is malformed".to_owned()))
}

/// Returns a client for tests, with nothing of the environment.
#[cfg(test)]
pub(crate) fn test_client() -> reqwest::Client {
    let outbound = Outbound::new(&[], None).unwrap();
    reqwest::Client::builder()
        .tls_backend_preconfigured((*outbound.tls).clone())
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}
