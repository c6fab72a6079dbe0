//! The token with which Teams calls: whose it is, for whom, until when, and
//! from which connector.
//!
//! The algorithm is RS256 and nothing in the token has a say in that: not
//! `none`, and no key that is taken for another kind.
//!
//! Source: Bot Framework, "Authenticate requests from the Bot Connector
//! service to your bot"; RFC 7515, RFC 7519.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate_protocol::channel::TeamsSettings;
use reqwest::Method;
use reqwest::header::HeaderMap;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::super::Channel;
use super::super::outbound::{Exchange, Outbound, OutboundError, parse_url};

const METADATA: &str = "https://login.botframework.com/v1/.well-known/openidconfiguration";
const ISSUER: &str = "https://api.botframework.com";
/// How far the clocks may differ, in seconds.
const SKEW_SECONDS: i64 = 300;
/// How long keys are good without a look at whether there are others.
const KEYS_LIVE: Duration = Duration::from_hours(24);
/// An unknown key makes us look again, but never more often than this.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// The channel that a key must stand for.
const ENDORSED: &str = "msteams";

/// The keys of the Bot Framework, and when they were fetched.
pub(crate) struct Keys {
    keys: Vec<Key>,
    fetched: Instant,
}

#[derive(Clone, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    endorsements: Vec<String>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    crit: Option<Value>,
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// One text: an array is no audience of the Bot Framework.
    aud: String,
    exp: i64,
    nbf: Option<i64>,
    #[serde(alias = "serviceUrl")]
    serviceurl: Option<String>,
}

/// Returns the address of the connector that called, or why the token is no good.
pub(super) async fn verify(
    outbound: &Outbound,
    channel: &Channel,
    settings: &TeamsSettings,
    token: &str,
    now_seconds: i64,
) -> Result<String, &'static str> {
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("malformed_token");
    };
    let header: Header = decoded(head)?;
    if header.alg != "RS256" || header.crit.is_some() {
        return Err("algorithm");
    }
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| "malformed_token")?;
    let key = key(outbound, channel, settings, &header.kid).await?;
    let signed = format!("{head}.{body}");
    let modulus = URL_SAFE_NO_PAD.decode(&key.n).map_err(|_| "unknown_key")?;
    let exponent = URL_SAFE_NO_PAD.decode(&key.e).map_err(|_| "unknown_key")?;
    RsaPublicKeyComponents {
        n: &modulus,
        e: &exponent,
    }
    .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
    .map_err(|_| "bad_signature")?;
    let claims: Claims = decoded(body)?;
    judge(claims, settings, now_seconds)
}

fn judge(
    claims: Claims,
    settings: &TeamsSettings,
    now_seconds: i64,
) -> Result<String, &'static str> {
    if claims.iss != ISSUER {
        return Err("issuer");
    }
    if claims.aud != settings.app_id {
        return Err("audience");
    }
    if claims.exp.saturating_add(SKEW_SECONDS) < now_seconds {
        return Err("expired_token");
    }
    if claims
        .nbf
        .is_some_and(|begin| begin.saturating_sub(SKEW_SECONDS) > now_seconds)
    {
        return Err("early_token");
    }
    let service = claims.serviceurl.ok_or("service_url")?;
    if !is_same_url(&service, &settings.service_url) {
        return Err("service_url");
    }
    Ok(service)
}

/// Compares addresses but for a slash at the end.
pub(super) fn is_same_url(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, &'static str> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| "malformed_token")?;
    serde_json::from_slice(&bytes).map_err(|_| "malformed_token")
}

/// Returns the key of this name, looking for new ones where it is not known.
async fn key(
    outbound: &Outbound,
    channel: &Channel,
    settings: &TeamsSettings,
    kid: &str,
) -> Result<Key, &'static str> {
    let mut held = channel.teams.keys.lock().await;
    let find = |keys: &Keys| {
        keys.keys
            .iter()
            .find(|key| key.kid == kid && key.kty == "RSA")
            .cloned()
    };
    if let Some(keys) = held.as_ref() {
        let age = keys.fetched.elapsed();
        let found = find(keys);
        if age < KEYS_LIVE && (found.is_some() || age < LOOK_AGAIN) {
            return endorsed(found);
        }
    }
    let fetched = fetch(outbound, settings).await.map_err(|error| {
        tracing::warn!(%error, channel = channel.name(), "no keys of the Bot Framework");
        "no_keys"
    })?;
    let found = find(&fetched);
    *held = Some(fetched);
    endorsed(found)
}

/// A key stands for some channels only, as the Bot Framework says.
fn endorsed(key: Option<Key>) -> Result<Key, &'static str> {
    let key = key.ok_or("unknown_key")?;
    if key.endorsements.iter().any(|channel| channel == ENDORSED) {
        return Ok(key);
    }
    Err("not_endorsed")
}

async fn fetch(outbound: &Outbound, settings: &TeamsSettings) -> Result<Keys, OutboundError> {
    let url = settings.metadata_url.as_deref().unwrap_or(METADATA);
    let metadata: Metadata = get(outbound, url).await?;
    let set: KeySet = get(outbound, &metadata.jwks_uri).await?;
    // Keys of kinds that we don't know are nobody's trouble.
    let keys = set.keys.into_iter();
    Ok(Keys {
        keys: keys
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect(),
        fetched: Instant::now(),
    })
}

async fn get<T: DeserializeOwned>(outbound: &Outbound, url: &str) -> Result<T, OutboundError> {
    let reply = outbound
        .send(Exchange {
            method: Method::GET,
            url: parse_url(url)?,
            headers: HeaderMap::new(),
            body: Vec::new(),
        })
        .await?;
    if !reply.is_success() {
        return Err(OutboundError::Failed(format!("answered {}", reply.status)));
    }
    serde_json::from_slice(&reply.body)
        .map_err(|error| OutboundError::Failed(format!("its answer: {error}")))
}
