//! People who sign in at an `OpenID` provider: authorization code with PKCE.
//!
//! Three steps, the second of them in the browser: [`OpenIdProvider::begin`]
//! makes the address to go to, the provider sends the browser back, and
//! [`OpenIdProvider::finish`] turns the code into a proven person or says why
//! not. Nothing here touches the store.
//!
//! Source: `OpenID` Connect Core 1.0, RFC 7636, RFC 9207, RFC 9700.

mod groups;
mod token;

pub(crate) use token::Answer;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Secret;
use super::fetch::{FetchError, Fetcher};
use super::issuer::{Description, Issuer, IssuerError, KeySource, chain};
use super::jwt::Refused;
use crate::outbound::{Network, Outbound, TrustError};
use crate::settings::Provider;

/// One provider, with what was read of it so far.
pub(crate) struct OpenIdProvider {
    settings: Provider,
    issuer: Issuer,
    secret: Option<Secret>,
}

/// Without the secret, which has no `Debug`.
impl std::fmt::Debug for OpenIdProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenIdProvider")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why a provider of the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the client's secret can't be used: {0}")]
    Secret(String),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// What a sign-in that was begun is known by until the browser is back.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) address: String,
    pub(crate) state: Secret,
    pub(crate) nonce: Secret,
    pub(crate) verifier: Secret,
}

/// Why nobody is proven. The text is for the person at the browser.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("{}", chain(.0))]
    Issuer(#[from] IssuerError),
    #[error("the provider did not take the code: {}", chain(.0))]
    Exchange(#[source] FetchError),
    #[error("the provider does not say who you are: {}", chain(.0))]
    UserInfo(#[source] FetchError),
    #[error("the provider offers no sign-in by code with PKCE (S256)")]
    Unfit,
    #[error("the provider's answer is malformed")]
    Form,
    #[error("the provider's answer is refused: {0}")]
    Refused(#[from] Refused),
    #[error("the provider's answer is to another question (`nonce`)")]
    Nonce,
    #[error("the answer is not from the provider that was asked (`iss`)")]
    MixUp,
    #[error("the provider names somebody else in its second answer")]
    OtherSubject,
    #[error(
        "you are in too many groups for the provider to list them (`_claim_names`), so your \
         groups are unknown. Ask your administrator to have it send only the groups that gate \
         uses."
    )]
    Overage,
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

/// Somebody whom the provider vouches for.
#[derive(Clone, Debug)]
pub(crate) struct ProvenPerson {
    /// The provider's id of them, which never becomes somebody else's.
    pub(crate) subject: String,
    /// What they would be called here, where they are not known yet.
    pub(crate) name: Option<String>,
    /// Their address, where the provider has verified it.
    pub(crate) verified_email: Option<String>,
    /// Those of our groups that they are in.
    pub(crate) groups: Vec<String>,
}

impl OpenIdProvider {
    /// Reads the client's secret. Asks the provider nothing yet.
    pub(crate) fn new(
        settings: Provider,
        allow_private: &[Network],
    ) -> Result<Self, ProviderError> {
        let outbound = Outbound::new(allow_private, settings.ca_file.as_deref())?;
        let fetcher = Fetcher::new(&outbound, &settings.issuer);
        let issuer = Issuer::new(&settings.issuer, KeySource::Discovery, fetcher);
        let secret = match &settings.client_secret_file {
            Some(path) => Some(Secret::read(path).map_err(ProviderError::Secret)?),
            None => None,
        };
        Ok(Self {
            settings,
            issuer,
            secret,
        })
    }

    pub(crate) fn settings(&self) -> &Provider {
        &self.settings
    }

    fn fetcher(&self) -> &Fetcher {
        self.issuer.fetcher()
    }

    /// Makes the address at which a browser signs in, and the secrets by which
    /// its return is known.
    pub(crate) async fn begin(&self, redirect_uri: &str) -> Result<Begun, OidcError> {
        let description = self.issuer.description().await?;
        let endpoint = fit(&description)?;
        let (state, nonce) = (Secret::generate()?, Secret::generate()?);
        let verifier = Secret::generate()?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.reveal().as_bytes()));
        let address = self.fetcher().admitted(endpoint);
        let mut address = address.map_err(IssuerError::Fetch)?;
        let scopes = std::iter::once("openid")
            .chain(self.settings.scopes.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ");
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scopes)
            .append_pair("state", state.reveal())
            .append_pair("nonce", nonce.reveal())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun {
            address: address.into(),
            state,
            nonce,
            verifier,
        })
    }

    /// Returns where a browser signs out of the provider too, and then comes back.
    pub(crate) async fn end_address(&self, back: &str) -> Option<String> {
        let description = self.issuer.description().await.ok()?;
        let endpoint = description.end_session_endpoint.as_deref()?;
        let mut address = self.fetcher().admitted(endpoint).ok()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back);
        Some(address.into())
    }
}

/// Returns the address of the sign-in, if the provider does it as we do.
fn fit(description: &Description) -> Result<&str, OidcError> {
    let has_pkce = description
        .code_challenge_methods_supported
        .as_ref()
        // Some that do PKCE do not say so (Entra ID); one that names other ways does not.
        .is_none_or(|methods| methods.iter().any(|method| method == "S256"));
    if !has_pkce {
        return Err(OidcError::Unfit);
    }
    let endpoint = description.authorization_endpoint.as_deref();
    endpoint.ok_or(OidcError::Unfit)
}
