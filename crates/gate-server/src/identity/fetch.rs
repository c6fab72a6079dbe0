//! Calls on a provider's servers: only on addresses that the configuration or
//! the provider's own description names, without following anybody elsewhere.
//!
//! Nothing comes from the environment (no proxy, no trust roots), as in
//! gate-client: who can set a variable of the server must not choose who people
//! are.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The most bytes of an answer.
const ANSWER_LIMIT: usize = 256 * 1024;
/// How long an answer may take, from the look-up of the name on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("`{0}` is not an https address; http is for loopback only")]
    Address(String),
    #[error("`{host}` does not answer")]
    Network {
        host: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{host}` answers with the status {status}{said}")]
    Status {
        host: String,
        status: u16,
        /// The `error` of RFC 6749, where it says one.
        said: String,
    },
    #[error("`{0}` answers with something that is no JSON, or with more than {ANSWER_LIMIT} bytes")]
    Form(String),
}

/// Why no call can be made at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetcherError {
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
    #[error("HTTP can't be set up")]
    Http(#[source] reqwest::Error),
}

/// Makes calls. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher(reqwest::Client);

impl Fetcher {
    /// Returns one that trusts Mozilla's roots and those in `ca_file`.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, FetcherError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(ca_file)?)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .timeout(PATIENCE)
            .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FetcherError::Http)?;
        Ok(Self(http))
    }

    /// Fetches JSON.
    pub(crate) async fn get(&self, address: &str) -> Result<Vec<u8>, FetchError> {
        let url = admitted(address)?;
        exchange(self.0.get(url.clone()), &url).await
    }

    /// Fetches JSON as the bearer of an access token.
    pub(crate) async fn get_as(&self, address: &str, token: &str) -> Result<Vec<u8>, FetchError> {
        let url = admitted(address)?;
        exchange(self.0.get(url.clone()).bearer_auth(token), &url).await
    }

    /// Posts a form, with `basic` as user and password where there are any.
    pub(crate) async fn post(
        &self,
        address: &str,
        basic: Option<(&str, &str)>,
        form: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let url = admitted(address)?;
        let mut request = self
            .0
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.to_owned());
        if let Some((user, password)) = basic {
            request = request.basic_auth(user, Some(password));
        }
        exchange(request, &url).await
    }

    /// Posts text, and returns the status and the body of whatever is answered.
    pub(crate) async fn post_text(
        &self,
        address: &str,
        text: String,
    ) -> Result<(u16, Vec<u8>), FetchError> {
        let url = admitted(address)?;
        let request = self.0.post(url.clone()).body(text);
        let (status, body) = send(request, &url).await?;
        Ok((status.as_u16(), body))
    }
}

impl FetchError {
    /// Returns the error of a status that is no answer to what was asked.
    pub(crate) fn of_status(address: &str, status: u16) -> Self {
        Self::Status {
            host: admitted(address).map_or_else(|_| String::new(), |url| host_of(&url)),
            status,
            said: String::new(),
        }
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Returns the address as a URL, if it may be called: by TLS, or in the clear
/// where the packets do not leave the machine.
pub(crate) fn admitted(address: &str) -> Result<Url, FetchError> {
    let refused = || FetchError::Address(gate_protocol::inert::inert(address).into_owned());
    let url: Url = address.parse().map_err(|_| refused())?;
    let is_plain_allowed = url.host_str().is_some_and(|host| {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    });
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_plain_allowed => Ok(url),
        _ => Err(refused()),
    }
}

async fn exchange(request: RequestBuilder, url: &Url) -> Result<Vec<u8>, FetchError> {
    let (status, body) = send(request.header(ACCEPT, "application/json"), url).await?;
    if status.is_success() {
        return Ok(body);
    }
    Err(FetchError::Status {
        host: host_of(url),
        status: status.as_u16(),
        said: said(&body),
    })
}

async fn send(request: RequestBuilder, url: &Url) -> Result<(StatusCode, Vec<u8>), FetchError> {
    let host = host_of(url);
    let lost = |source: reqwest::Error| FetchError::Network {
        host: host.clone(),
        source: source.without_url(),
    };
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(FetchError::Form(host));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// Returns what an error answer of OAuth says, inert and short.
fn said(body: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let part = |name: &str| answer.get(name).and_then(|text| text.as_str());
    let Some(error) = part("error") else {
        return String::new();
    };
    let text = match part("error_description") {
        Some(more) => format!("{error}: {more}"),
        None => error.to_owned(),
    };
    let head: String = text.chars().take(200).collect();
    format!(" ({})", gate_protocol::inert::inert(&head))
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, FetcherError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca_file {
        let shown = path.display().to_string();
        let pem = std::fs::read(path).map_err(|source| FetcherError::File {
            path: shown.clone(),
            source,
        })?;
        let unusable = || FetcherError::Certificate(shown.clone());
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| unusable())?;
            roots.add(certificate).map_err(|_| unusable())?;
        }
        if roots.len() == before {
            return Err(unusable());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(FetcherError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Returns a client for tests, with nothing of the environment.
#[cfg(test)]
pub(crate) fn test_client() -> reqwest::Client {
    Fetcher::new(None).unwrap().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_leaves_the_machine() {
        for good in [
            "https://login.example.com/x",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://localhost:1/",
        ] {
            assert!(admitted(good).is_ok(), "{good}");
        }
        for bad in [
            "http://login.example.com",
            "http://169.254.169.254/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "x",
            "",
        ] {
            assert!(admitted(bad).is_err(), "{bad}");
        }
    }
}
