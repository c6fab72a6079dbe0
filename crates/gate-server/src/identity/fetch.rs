//! Calls on the servers of who vouches for people and jobs: only on addresses
//! that the configuration or the issuer's own description names, without
//! following anybody elsewhere.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use crate::outbound::{Exchange, Outbound, OutboundError, Reply};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(
        "`{0}` is not an https address; http is for loopback only, and for nobody who has https"
    )]
    Address(String),
    #[error("`{host}` does not answer")]
    Network {
        host: String,
        #[source]
        source: OutboundError,
    },
    #[error("`{host}` answers with the status {status}{said}")]
    Status {
        host: String,
        status: u16,
        /// The `error` of RFC 6749, where it says one.
        said: String,
    },
}

/// Makes calls for one issuer. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    outbound: Outbound,
    /// Whether the settings name the issuer by http, which they may on this machine.
    is_plain: bool,
}

impl Fetcher {
    /// Returns one for the issuer whose address the settings name. That host may be
    /// private; what the issuer's description names besides may not.
    pub(crate) fn new(outbound: &Outbound, base: &str) -> Self {
        let base = Url::parse(base).ok();
        let host = base.as_ref().and_then(Url::host_str);
        Self {
            outbound: outbound.towards(host.unwrap_or_default()),
            is_plain: base.as_ref().is_some_and(|base| base.scheme() == "http"),
        }
    }

    /// Returns an address that the issuer names, if it may be called: who is reached
    /// by TLS names nothing that is not, or a hand on the wire would be the issuer.
    pub(crate) fn admitted(&self, address: &str) -> Result<Url, FetchError> {
        let url = admitted(address)?;
        if url.scheme() == "https" || self.is_plain {
            return Ok(url);
        }
        Err(refused(address))
    }

    /// Fetches JSON.
    pub(crate) async fn get(&self, address: &str) -> Result<Vec<u8>, FetchError> {
        self.exchange(Method::GET, address, HeaderMap::new(), Vec::new())
            .await
    }

    /// Fetches JSON as the bearer of an access token.
    pub(crate) async fn get_as(&self, address: &str, token: &str) -> Result<Vec<u8>, FetchError> {
        let headers = authorized(address, &format!("Bearer {token}"))?;
        self.exchange(Method::GET, address, headers, Vec::new())
            .await
    }

    /// Posts a form, with `basic` as user and password where there are any.
    pub(crate) async fn post(
        &self,
        address: &str,
        basic: Option<(&str, &str)>,
        form: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let mut headers = match basic {
            Some((user, password)) => {
                let both = STANDARD.encode(format!("{user}:{password}"));
                authorized(address, &format!("Basic {both}"))?
            }
            None => HeaderMap::new(),
        };
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        let body = form.as_bytes().to_vec();
        self.exchange(Method::POST, address, headers, body).await
    }

    /// Posts text, and returns the status and the body of whatever is answered.
    pub(crate) async fn post_text(
        &self,
        address: &str,
        text: String,
    ) -> Result<(u16, Vec<u8>), FetchError> {
        let body = text.into_bytes();
        let (_, reply) = self
            .reply(Method::POST, address, HeaderMap::new(), body)
            .await?;
        Ok((reply.status, reply.body))
    }

    async fn exchange(
        &self,
        method: Method,
        address: &str,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, FetchError> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (host, reply) = self.reply(method, address, headers, body).await?;
        if reply.is_success() {
            return Ok(reply.body);
        }
        Err(FetchError::Status {
            host,
            status: reply.status,
            said: said(&reply.body),
        })
    }

    /// Returns who answered, and what.
    async fn reply(
        &self,
        method: Method,
        address: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(String, Reply), FetchError> {
        let url = self.admitted(address)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let exchange = Exchange {
            method,
            url,
            headers,
            body,
        };
        match self.outbound.send(exchange).await {
            Ok(reply) => Ok((host, reply)),
            Err(source) => Err(FetchError::Network { host, source }),
        }
    }
}

impl FetchError {
    /// Returns the error of a status that is no answer to what was asked.
    pub(crate) fn of_status(address: &str, status: u16) -> Self {
        let url = admitted(address).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        Self::Status {
            host: host.to_owned(),
            status,
            said: String::new(),
        }
    }
}

/// Says who calls. What no header can carry is no token of that address.
fn authorized(address: &str, text: &str) -> Result<HeaderMap, FetchError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| refused(address))?;
    value.set_sensitive(true);
    Ok([(AUTHORIZATION, value)].into_iter().collect())
}

fn refused(address: &str) -> FetchError {
    let head: String = address.chars().take(200).collect();
    FetchError::Address(gate_protocol::inert::inert(&head).into_owned())
}

/// Returns the address as a URL, if it may be called: by TLS, or in the clear
/// where the packets do not leave the machine.
pub(crate) fn admitted(address: &str) -> Result<Url, FetchError> {
    let url: Url = address.parse().map_err(|_| refused(address))?;
    let is_plain_allowed = url.host_str().is_some_and(|host| {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    });
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_plain_allowed => Ok(url),
        _ => Err(refused(address)),
    }
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

    #[tokio::test]
    async fn an_issuer_reaches_its_own_host_and_what_is_public_and_nothing_else() {
        let outbound = Outbound::new(&[], None).unwrap();
        let of = |base: &str| Fetcher::new(&outbound, base);
        let (tls, plain) = (of("https://10.9.8.7/realm"), of("http://127.0.0.1:1"));
        assert!(tls.admitted("http://127.0.0.1:1/keys").is_err());
        assert!(plain.admitted("http://127.0.0.1:2/keys").is_ok());
        let reach = async |fetcher: &Fetcher, is_secure, host: &str| {
            let reached = fetcher.outbound.reach(is_secure, host, 443).await;
            reached.is_ok()
        };
        // Named by the settings, and named by what the issuer says of itself.
        assert!(reach(&tls, true, "10.9.8.7").await);
        assert!(reach(&tls, true, "8.8.8.8").await);
        assert!(!reach(&tls, true, "10.9.8.8").await);
        assert!(!reach(&tls, true, "169.254.169.254").await);
        assert!(!reach(&tls, false, "10.9.8.7").await);
        assert!(reach(&plain, false, "127.0.0.1").await);
        assert!(!reach(&plain, false, "127.0.0.2").await);
        let inside: crate::outbound::Network = "10.9.0.0/16".parse().unwrap();
        let wider = Fetcher::new(&Outbound::new(&[inside], None).unwrap(), "https://x.test");
        assert!(reach(&wider, true, "10.9.8.8").await);
    }
}
