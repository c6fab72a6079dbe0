//! The address of an approval server, held to what is safe before a packet leaves.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use gate_protocol::inert::inert;
use reqwest::Url;

/// The address of an approval server: `https://HOST[:PORT]`, or
/// `http://` where the host is the machine itself.
///
/// It names a server and nothing else, so that it can be shown and logged: no
/// user name, password, path, query or fragment. Plain `http` is for
/// `localhost` and loopback addresses only; `localhost` is never looked up but
/// always means `127.0.0.1` and `::1` (RFC 6761 section 6.3), so that no
/// resolver can send the token elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// Why a text does not name an approval server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUrlError {
    /// It is not a URL.
    #[error("`{text}` is not a URL such as `https://gate.example.com`: {why}")]
    Syntax {
        /// What was given, made inert.
        text: String,
        /// What the parser says.
        why: String,
    },
    /// Neither `https` nor `http`.
    #[error(
        "the server URL has the scheme `{0}`; only `https` will do, and `http` on this machine"
    )]
    Scheme(String),
    /// It carries a user name or a password. They are not repeated here.
    #[error("the server URL contains a user name or password; the token stands elsewhere")]
    Userinfo,
    /// It has a path, a query or a fragment.
    #[error("the server URL has {0}; give only scheme, host and port")]
    Trailing(&'static str),
    /// It has port 0.
    #[error("the server URL has port 0, where no server can be")]
    Port,
    /// Plain `http` to another machine.
    #[error("the server URL has plain `http` to `{0}`, which is not this machine; use `https`")]
    PlainHttp(String),
}

impl ServerUrl {
    /// Tells whether the connection is encrypted and the server authenticated.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the URL of `path`, whose first byte is `/`.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Returns the addresses of the name `localhost`, for the connector; the
    /// port 0 there stands for the URL's own.
    pub(crate) fn localhost_addresses() -> [SocketAddr; 2] {
        [
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0),
        ]
    }
}

/// Tells whether the host is this machine, without asking any resolver.
pub(crate) fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let url = Url::parse(text).map_err(|error| ServerUrlError::Syntax {
            text: without_userinfo(text),
            why: error.to_string(),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServerUrlError::Scheme(inert(url.scheme()).into_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Userinfo);
        }
        if url.query().is_some() {
            return Err(ServerUrlError::Trailing("a query"));
        }
        if url.fragment().is_some() {
            return Err(ServerUrlError::Trailing("a fragment"));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(ServerUrlError::Trailing("a path"));
        }
        if url.port() == Some(0) {
            return Err(ServerUrlError::Port);
        }
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !is_loopback(host) {
            return Err(ServerUrlError::PlainHttp(inert(host).into_owned()));
        }
        Ok(Self(url))
    }
}

/// Returns the text as it can be shown, without what stands before an `@`.
pub(crate) fn without_userinfo(text: &str) -> String {
    let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let shown: String = shown.chars().take(200).collect();
    inert(&shown).into_owned()
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_at_home_are_taken() {
        for (text, shown) in [
            ("https://gate.example.com", "https://gate.example.com"),
            (
                "https://gate.example.com:8443/",
                "https://gate.example.com:8443",
            ),
            ("HTTPS://Gate.Example.COM", "https://gate.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.8.0.1", "http://127.8.0.1"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://localhost:8080", "http://localhost:8080"),
        ] {
            let url: ServerUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        for host in [
            "gate.example.com",
            "10.0.0.1",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "localhost.example.com",
            "evil.localhost",
            "127.0.0.1.example.com",
        ] {
            let error = format!("http://{host}:80")
                .parse::<ServerUrl>()
                .unwrap_err();
            assert!(
                matches!(error, ServerUrlError::PlainHttp(_)),
                "{host}: {error}"
            );
        }
    }

    #[test]
    fn each_other_mistake_has_its_own_answer() {
        let refused = |text: &str| text.parse::<ServerUrl>().unwrap_err();
        assert!(matches!(
            refused("gate.example.com"),
            ServerUrlError::Syntax { .. }
        ));
        assert!(matches!(refused(""), ServerUrlError::Syntax { .. }));
        assert!(matches!(refused("https://"), ServerUrlError::Syntax { .. }));
        assert_eq!(refused("ftp://h"), ServerUrlError::Scheme("ftp".into()));
        assert_eq!(
            refused("file:///etc/passwd"),
            ServerUrlError::Scheme("file".into())
        );
        assert_eq!(refused("https://u:p@h"), ServerUrlError::Userinfo);
        assert_eq!(refused("https://u@h"), ServerUrlError::Userinfo);
        assert_eq!(refused("https://h/api"), ServerUrlError::Trailing("a path"));
        assert_eq!(refused("https://h?x"), ServerUrlError::Trailing("a query"));
        assert_eq!(
            refused("https://h#x"),
            ServerUrlError::Trailing("a fragment")
        );
        assert_eq!(refused("https://h:0"), ServerUrlError::Port);
    }

    #[test]
    fn an_error_repeats_neither_a_password_nor_a_terminal_escape() {
        let error = "https://u:hunter2@h:port\u{1b}[2J"
            .parse::<ServerUrl>()
            .unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}
