//! Where records go, held to what is safe before a packet leaves: the log names people and commands.

use std::fmt;
use std::str::FromStr;

use gate_protocol::inert::inert;
use reqwest::Url;

use crate::server_url::{is_loopback, without_userinfo};

/// The port of syslog over TLS. Source: RFC 5425, section 4.1.
const SYSLOG_TLS: u16 = 6514;
/// Where a collector takes logs, unless it says otherwise. Source: OTLP 1, "OTLP/HTTP Request".
const OTLP_PATH: &str = "/v1/logs";

/// A receiver: `syslog+tls://HOST[:PORT]`, `syslog+tcp://HOST:PORT` on this machine, or the address of a
/// collector of OTLP over HTTP, `https://HOST[:PORT][/PATH]`, with `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Url);

/// Why a text names no receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// It is not a URL.
    #[error("`{text}` is not a URL such as `syslog+tls://logs.example.com`: {why}")]
    Syntax {
        /// What was given, made inert.
        text: String,
        /// What the parser says.
        why: String,
    },
    /// Another scheme.
    #[error("`{0}` is none of `syslog+tls`, `syslog+tcp`, `https` and `http`")]
    Scheme(String),
    /// It carries a user name or a password. They are not repeated here.
    #[error("the address contains a user name or password; a token stands in a file")]
    Userinfo,
    /// It has what no address of this kind has.
    #[error("the address has {0}")]
    Trailing(&'static str),
    /// It names no host, or no port where there is no usual one.
    #[error("the address has no {0}")]
    Missing(&'static str),
    /// Without TLS to another machine.
    #[error("without TLS only to this machine, and `{0}` is another; use `syslog+tls` or `https`")]
    Plain(String),
}

impl Destination {
    /// Tells whether it takes messages of syslog; otherwise it takes requests of OTLP.
    pub fn is_syslog(&self) -> bool {
        self.0.scheme().starts_with("syslog")
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.0.scheme(), "syslog+tls" | "https")
    }

    pub(super) const fn url(&self) -> &Url {
        &self.0
    }

    /// Returns host and port of a syslog receiver.
    pub(super) fn address(&self) -> (&str, u16) {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host, self.0.port().unwrap_or(SYSLOG_TLS))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&inert(self.0.as_str()))
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let mut url = Url::parse(text).map_err(|error| DestinationError::Syntax {
            text: without_userinfo(text),
            why: error.to_string(),
        })?;
        let is_http = matches!(url.scheme(), "https" | "http");
        if !is_http && !matches!(url.scheme(), "syslog+tls" | "syslog+tcp") {
            let scheme = inert(url.scheme()).into_owned();
            return Err(DestinationError::Scheme(scheme));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(DestinationError::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(DestinationError::Trailing("a query or a fragment"));
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(DestinationError::Missing("host"));
        };
        if matches!(url.scheme(), "http" | "syslog+tcp") && !is_loopback(host) {
            return Err(DestinationError::Plain(inert(host).into_owned()));
        }
        let is_bare = matches!(url.path(), "" | "/");
        if is_http && is_bare {
            url.set_path(OTLP_PATH);
        } else if !is_http && !is_bare {
            return Err(DestinationError::Trailing(
                "a path, which no syslog receiver has",
            ));
        }
        if url.port() == Some(0) || (url.scheme() == "syslog+tcp" && url.port().is_none()) {
            return Err(DestinationError::Missing("port"));
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_named_with_what_is_usual_filled_in() {
        for (text, is_syslog, is_tls, shown) in [
            (
                "syslog+tls://logs.example.com",
                true,
                true,
                "syslog+tls://logs.example.com",
            ),
            (
                "syslog+tcp://127.0.0.1:514",
                true,
                false,
                "syslog+tcp://127.0.0.1:514",
            ),
            (
                "https://c.example.com",
                false,
                true,
                "https://c.example.com/v1/logs",
            ),
            (
                "http://localhost:4318/",
                false,
                false,
                "http://localhost:4318/v1/logs",
            ),
            (
                "https://c.example.com/otel/v1/logs",
                false,
                true,
                "https://c.example.com/otel/v1/logs",
            ),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.is_syslog(), is_syslog, "{text}");
            assert_eq!(destination.is_tls(), is_tls, "{text}");
            assert_eq!(destination.to_string(), shown);
        }
        let v6: Destination = "syslog+tls://[::1]:7000".parse().unwrap();
        assert_eq!(v6.address(), ("::1", 7000));
        let usual: Destination = "syslog+tls://logs.example.com".parse().unwrap();
        assert_eq!(usual.address(), ("logs.example.com", 6514));
    }

    #[test]
    fn what_would_show_the_log_to_others_or_is_no_receiver_is_refused() {
        for (text, part) in [
            ("logs.example.com", "is not a URL"),
            ("udp://logs.example.com:514", "`udp` is none of"),
            (
                "syslog+tcp://logs.example.com:514",
                "without TLS only to this machine",
            ),
            ("http://c.example.com", "without TLS only to this machine"),
            (
                "http://127.0.0.1.example.com",
                "without TLS only to this machine",
            ),
            ("syslog+tcp://127.0.0.1", "no port"),
            ("syslog+tls://:6514", "no host"),
            ("https://me:secret@c.example.com", "user name or password"),
            ("https://c.example.com/?a=b", "a query"),
            ("syslog+tls://logs.example.com/path", "a path"),
        ] {
            let refused = text.parse::<Destination>().unwrap_err().to_string();
            let is_empty_host = part == "no host" && refused.contains("is not a URL");
            assert!(refused.contains(part) || is_empty_host, "{text}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
