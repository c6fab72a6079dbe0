//! The token with which Teams calls: whose it is, for whom, until when, and
//! from which connector.
//!
//! It is a token of an issuer like any other: the algorithm is RS256, and the
//! keys are those that the Bot Framework publishes as endorsed for Teams.
//!
//! Source: Bot Framework, "Authenticate requests from the Bot Connector
//! service to your bot".

use gate_protocol::channel::TeamsSettings;

use super::super::Channel;
use crate::clock;
use crate::identity::fetch::Fetcher;
use crate::identity::issuer::{Issuer, IssuerError, KeySource};
use crate::identity::jwt::{Algorithm, Expected, JwtError, Refused};
use crate::outbound::Outbound;

const METADATA: &str = "https://login.botframework.com/v1/.well-known/openidconfiguration";
const ISSUER: &str = "https://api.botframework.com";
/// How far the clocks may differ, in seconds. Source: as above.
const LEEWAY_SECONDS: i64 = 300;
/// The channel that a key must stand for.
const ENDORSED: &str = "msteams";

/// Returns the Bot Framework as the channel's settings name it.
pub(super) fn issuer(outbound: &Outbound, settings: &TeamsSettings) -> Issuer {
    let description = settings.metadata_url.as_deref().unwrap_or(METADATA);
    let source = KeySource::Endorsed {
        description: description.to_owned(),
        endorsed: ENDORSED,
    };
    Issuer::new(ISSUER, source, Fetcher::new(outbound, description))
}

/// Refuses a token that is not the Bot Framework's for this bot now, and says why.
pub(super) async fn verify(
    outbound: &Outbound,
    channel: &Channel,
    settings: &TeamsSettings,
    token: &str,
) -> Result<(), &'static str> {
    let making = || async { issuer(outbound, settings) };
    let issuer = channel.teams.issuer.get_or_init(making).await;
    let claims = issuer.verify(token, &[Algorithm::Rs256]).await;
    let claims = claims.map_err(|error| {
        if !matches!(error, IssuerError::Token(_)) {
            tracing::warn!(%error, channel = channel.name(), "no keys of the Bot Framework");
        }
        word(&error)
    })?;
    // One text: an array is no audience of the Bot Framework.
    if claims.text("aud") != Some(&settings.app_id) {
        return Err("audience");
    }
    let expected = Expected {
        issuer: ISSUER,
        audience: &settings.app_id,
        now: clock::now(),
        leeway_seconds: LEEWAY_SECONDS,
    };
    claims.expect(&expected).map_err(why)?;
    let service = claims.text("serviceurl").or(claims.text("serviceUrl"));
    if service.is_some_and(|service| is_same_url(service, &settings.service_url)) {
        Ok(())
    } else {
        Err("service_url")
    }
}

fn word(error: &IssuerError) -> &'static str {
    match error {
        IssuerError::Token(JwtError::Form | JwtError::Long | JwtError::Class(_)) => {
            "malformed_token"
        }
        IssuerError::Token(JwtError::Algorithm(_) | JwtError::Critical) => "algorithm",
        IssuerError::Token(JwtError::UnknownKey | JwtError::NoKey) => "unknown_key",
        IssuerError::Token(JwtError::Signature) => "bad_signature",
        IssuerError::Fetch(_)
        | IssuerError::Resting(_)
        | IssuerError::Named(_)
        | IssuerError::Description
        | IssuerError::OtherIssuer(_)
        | IssuerError::Keys
        | IssuerError::KeyFile { .. } => "no_keys",
    }
}

fn why(refused: Refused) -> &'static str {
    match refused {
        Refused::Issuer => "issuer",
        Refused::Audience | Refused::AuthorizedParty => "audience",
        Refused::Ended | Refused::Timeless => "expired_token",
        Refused::NotYet => "early_token",
        Refused::Subject => "malformed_token",
    }
}

/// Compares addresses but for a slash at the end.
pub(super) fn is_same_url(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
