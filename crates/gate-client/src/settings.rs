//! What a client must be told; nothing else has a say.

use std::time::Duration;

use gate_protocol::signed_note::VerifierKey;

use crate::server_url::ServerUrl;
use crate::token::Token;

/// How a client reaches its server.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The approval server.
    pub server: ServerUrl,
    /// Who is asking; none before a login, when only the server's identity and
    /// health can be asked for.
    pub token: Option<Token>,
    /// The key that the server was pinned by. Where it is known, nothing is sent that anybody could
    /// use before the server has proven that it has it, or the one that came after it.
    pub server_key: Option<VerifierKey>,
    /// Certificates to trust besides Mozilla's roots, as one PEM text.
    pub ca_certificates_pem: Option<Vec<u8>>,
    /// How long name lookup, TCP and TLS together may take.
    pub connect_timeout: Duration,
    /// How long one exchange may take from the connection to the last byte of
    /// the answer; a long poll has its own wait on top.
    pub request_timeout: Duration,
}

impl ClientSettings {
    /// Returns settings without a token, with no further trust roots, 5 s to
    /// connect and 10 s for an exchange.
    #[must_use]
    pub fn new(server: ServerUrl) -> Self {
        Self {
            server,
            token: None,
            server_key: None,
            ca_certificates_pem: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        }
    }

    /// Returns the same settings with the key that the server was pinned by.
    #[must_use]
    pub fn with_server_key(mut self, key: Option<VerifierKey>) -> Self {
        self.server_key = key;
        self
    }

    /// Returns the same settings with a token.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }
}

/// Settings from which no client can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The text of the CA certificates is not PEM.
    #[error("cannot read the CA certificates as PEM")]
    CaPem(#[source] rustls::pki_types::pem::Error),
    /// The text of the CA certificates holds none.
    #[error("the file of CA certificates contains no certificate")]
    CaEmpty,
    /// One of the CA certificates can't be a trust root.
    #[error("CA certificate {number} cannot be a trust root")]
    CaCertificate {
        /// Its place in the file, from 1.
        number: usize,
        /// What the verifier says.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// A header can't be sent. Its value is not repeated here.
    #[error("the header `{0}` can't be sent")]
    Header(String),
    /// The HTTP library refuses the settings.
    #[error("cannot set up HTTP")]
    Http(#[source] reqwest::Error),
}
