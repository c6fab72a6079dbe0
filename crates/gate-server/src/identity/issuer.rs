//! An issuer of tokens: its own description of itself and its keys, fetched when
//! they are needed and kept for a while.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::fetch::{FetchError, Fetcher};
use super::jwt::{Algorithm, Claims, JwtError, KeySet};

/// How long a description and keys are kept.
const FRESH: Duration = Duration::from_hours(1);
/// An unknown key makes us look again, and not more often than this: who sends
/// made-up names of keys must not make us call the issuer each time.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long an issuer that failed is left alone: who sends forged tokens must not
/// make us call it with each, and whoever waits for it hears so at once. Short
/// enough that a person who tries again is not held up by it.
const REST: Duration = Duration::from_secs(3);

/// What an issuer says of itself. Source: `OpenID` Connect Discovery, 3.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Description {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: String,
    #[serde(default)]
    pub(crate) authorization_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) token_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// Why an issuer can't be asked, or a token of it is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    #[error("the issuer can't be asked")]
    Fetch(#[from] FetchError),
    #[error(
        "the issuer failed a moment ago, and is asked again {rest} s after that: {0}",
        rest = REST.as_secs()
    )]
    Resting(String),
    #[error("the issuer's description names what may not be called")]
    Named(#[source] FetchError),
    #[error("what is published at the issuer's address is no description of an issuer")]
    Description,
    #[error("the description is that of `{0}`")]
    OtherIssuer(String),
    #[error("what the issuer publishes as its keys are none")]
    Keys,
    #[error("cannot read the keys in `{path}`")]
    KeyFile {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the token is not believed")]
    Token(#[from] JwtError),
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// From where the issuer's description says.
    Discovery,
    /// As by discovery, with the description at an address of its own, and only
    /// those keys that are endorsed for this. Source: Bot Framework, "Authenticate
    /// requests from the Bot Connector service to your bot".
    Endorsed {
        /// Where the description is.
        description: String,
        /// What the keys must be for.
        endorsed: &'static str,
    },
    /// From a file that the operator keeps.
    File(std::path::PathBuf),
}

/// One issuer.
#[derive(Debug)]
pub(crate) struct Issuer {
    name: String,
    source: KeySource,
    fetcher: Fetcher,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    description: Option<(Instant, Description)>,
    keys: Option<(Instant, KeySet)>,
    /// When an unknown key last made us look again.
    looked_again: Option<Instant>,
    /// When the issuer last failed, and how.
    failed: Option<(Instant, String)>,
}

impl Kept {
    /// Refuses to ask an issuer that failed a moment ago.
    fn rested(&self) -> Result<(), IssuerError> {
        match &self.failed {
            Some((at, why)) if at.elapsed() < REST => Err(IssuerError::Resting(why.clone())),
            Some(_) | None => Ok(()),
        }
    }

    /// Remembers whether the issuer failed.
    fn noted<T>(&mut self, asked: Result<T, IssuerError>) -> Result<T, IssuerError> {
        self.failed = match &asked {
            Ok(_) => None,
            Err(error) => Some((Instant::now(), chain(error))),
        };
        asked
    }
}

impl Issuer {
    /// Returns the issuer of this exact name. Fetches nothing yet.
    pub(crate) fn new(name: &str, source: KeySource, fetcher: Fetcher) -> Self {
        Self {
            name: name.to_owned(),
            source,
            fetcher,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Returns what the issuer says of itself.
    pub(crate) async fn description(&self) -> Result<Description, IssuerError> {
        let mut kept = self.kept.lock().await;
        self.described(&mut kept).await
    }

    /// Returns what a token of this issuer says. A key that is not known makes us
    /// look once whether the issuer has changed its keys.
    pub(crate) async fn verify(
        &self,
        token: &str,
        allowed: &[Algorithm],
    ) -> Result<Claims, IssuerError> {
        // One caller fetches and the others wait for it: the lock is tokio's.
        let mut kept = self.kept.lock().await;
        let keys = match &kept.keys {
            Some((at, keys)) if at.elapsed() < FRESH => keys.clone(),
            Some(_) | None => self.fetched(&mut kept).await?,
        };
        let may_look = kept
            .looked_again
            .is_none_or(|before| before.elapsed() >= LOOK_AGAIN);
        match keys.verify(token, allowed) {
            Err(JwtError::UnknownKey | JwtError::NoKey) if may_look => {
                kept.looked_again = Some(Instant::now());
                let keys = self.fetched(&mut kept).await?;
                Ok(keys.verify(token, allowed)?)
            }
            verified => Ok(verified?),
        }
    }

    async fn described(&self, kept: &mut Kept) -> Result<Description, IssuerError> {
        if let Some((at, description)) = &kept.description
            && at.elapsed() < FRESH
        {
            return Ok(description.clone());
        }
        kept.rested()?;
        let described = self.describe().await;
        let description = kept.noted(described)?;
        kept.description = Some((Instant::now(), description.clone()));
        Ok(description)
    }

    async fn describe(&self) -> Result<Description, IssuerError> {
        let address = match &self.source {
            KeySource::Endorsed { description, .. } => description.clone(),
            KeySource::Discovery | KeySource::File(_) => {
                let base = self.name.trim_end_matches('/');
                format!("{base}/.well-known/openid-configuration")
            }
        };
        let body = self.fetcher.get(&address).await?;
        let description: Description =
            serde_json::from_slice(&body).map_err(|_| IssuerError::Description)?;
        // Another issuer's description at this address would hand its people's
        // names to whoever wrote it. Source: OpenID Connect Discovery, 4.3.
        if description.issuer != self.name {
            let other: String = description.issuer.chars().take(200).collect();
            let other = gate_protocol::inert::inert(&other).into_owned();
            return Err(IssuerError::OtherIssuer(other));
        }
        for address in description.addresses() {
            self.fetcher.admitted(address).map_err(IssuerError::Named)?;
        }
        Ok(description)
    }

    async fn fetched(&self, kept: &mut Kept) -> Result<KeySet, IssuerError> {
        let keys = match &self.source {
            KeySource::Discovery | KeySource::Endorsed { .. } => {
                let address = self.described(kept).await?.jwks_uri;
                kept.rested()?;
                let published = self.published(&address).await;
                kept.noted(published)?
            }
            KeySource::File(path) => {
                let body = std::fs::read(path).map_err(|source| IssuerError::KeyFile {
                    path: path.display().to_string(),
                    source,
                })?;
                KeySet::parse(&body, None).ok_or(IssuerError::Keys)?
            }
        };
        kept.keys = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }

    async fn published(&self, address: &str) -> Result<KeySet, IssuerError> {
        let body = self.fetcher.get(address).await?;
        let endorsed = match &self.source {
            KeySource::Endorsed { endorsed, .. } => Some(*endorsed),
            KeySource::Discovery | KeySource::File(_) => None,
        };
        KeySet::parse(&body, endorsed).ok_or(IssuerError::Keys)
    }
}

impl Description {
    /// Returns every address that it names.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let others = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.userinfo_endpoint,
            &self.end_session_endpoint,
        ];
        let others = others.into_iter().filter_map(|address| address.as_deref());
        std::iter::once(self.jwks_uri.as_str()).chain(others)
    }
}

/// Returns an error with its causes, inert.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    gate_protocol::inert::inert(&texts.join(": ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Outbound;

    #[test]
    fn an_issuer_by_https_names_no_address_without_it() {
        let outbound = Outbound::new(&[], None).unwrap();
        let fetcher = Fetcher::new(&outbound, "https://login.example.com");
        let good = serde_json::json!({
            "issuer": "https://login.example.com",
            "jwks_uri": "https://login.example.com/keys",
            "authorization_endpoint": "https://login.example.com/authorize",
            "token_endpoint": "https://login.example.com/token",
            "userinfo_endpoint": "https://login.example.com/userinfo",
            "end_session_endpoint": "https://login.example.com/end",
        });
        let is_admitted = |description: &serde_json::Value| {
            let description: Description = serde_json::from_value(description.clone()).unwrap();
            let mut named = description.addresses();
            named.all(|address| fetcher.admitted(address).is_ok())
        };
        assert!(is_admitted(&good));
        for name in good.as_object().unwrap().keys() {
            if name == "issuer" {
                continue;
            }
            for address in ["http://login.example.com/x", "http://127.0.0.1:8000/x"] {
                let mut bad = good.clone();
                bad[name] = address.into();
                assert!(!is_admitted(&bad), "{name} {address}");
            }
        }
    }
}
