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
        let base = self.name.trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
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
        kept.description = Some((Instant::now(), description.clone()));
        Ok(description)
    }

    async fn fetched(&self, kept: &mut Kept) -> Result<KeySet, IssuerError> {
        let body = match &self.source {
            KeySource::Discovery => {
                let address = self.described(kept).await?.jwks_uri;
                self.fetcher.get(&address).await?
            }
            KeySource::File(path) => {
                std::fs::read(path).map_err(|source| IssuerError::KeyFile {
                    path: path.display().to_string(),
                    source,
                })?
            }
        };
        let keys = KeySet::parse(&body).ok_or(IssuerError::Keys)?;
        kept.keys = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}
