//! Signed JSON web tokens of others: who signed, and whether what they say holds.
//!
//! There is one way in, [`KeySet::verify`]: an algorithm that the configuration
//! allows, by a key that the issuer published for it, over exactly these bytes.
//! A header may name an algorithm and a key; it can bring along neither.
//! `none` and every symmetric algorithm have no name here, so no token can ask
//! for them.
//!
//! Source: RFC 7515, RFC 7517, RFC 7518, RFC 8725.

mod claims;
mod keys;

pub(crate) use claims::{Claims, Expected, LEEWAY_SECONDS, Refused};
pub(crate) use keys::KeySet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token, in bytes. One that lists two hundred groups has about 12 KiB.
pub(crate) const TOKEN_LIMIT: usize = 32 * 1024;
/// The longest name of a key, in bytes.
const KEY_ID_LIMIT: usize = 256;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Why a token is not believed. Never repeats the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("it is not a signed token")]
    Form,
    #[error("it is longer than {TOKEN_LIMIT} bytes")]
    Long,
    #[error("it is signed by `{0}`, which is not among the algorithms that are allowed here")]
    Algorithm(String),
    #[error("its header demands `crit`, which nothing here understands")]
    Critical,
    #[error("it is a token of another class, `{0}`")]
    Class(String),
    #[error("its issuer has no key of the name that it gives")]
    UnknownKey,
    #[error("it names no key, and its issuer has not exactly one that fits")]
    NoKey,
    #[error("its signature is not that of its issuer")]
    Signature,
}

/// A token taken apart, and not believed yet.
struct Parts<'t> {
    /// What is signed.
    message: &'t [u8],
    signature: Vec<u8>,
    header: Header,
    claims: Map<String, Value>,
}

/// Of a header no more is read than this: where it says where a key is (`jku`,
/// `x5u`) or brings one (`jwk`, `x5c`), nobody looks.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'t> Parts<'t> {
    fn of(token: &'t str) -> Result<Self, JwtError> {
        if token.len() > TOKEN_LIMIT {
            return Err(JwtError::Long);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Form)?;
        let (header, claims) = message.split_once('.').ok_or(JwtError::Form)?;
        let header: Header = read(header)?;
        if header.crit.is_some() {
            return Err(JwtError::Critical);
        }
        if header
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > KEY_ID_LIMIT)
        {
            return Err(JwtError::Form);
        }
        Ok(Self {
            message: message.as_bytes(),
            signature: decode(signature)?,
            header,
            claims: read(claims)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Form)
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, JwtError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| JwtError::Form)
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        serde_json::from_value(Value::from(name)).ok()
    }
}

/// Returns the issuer that a token claims to have. Believe nothing of it: it
/// only tells whose keys to hold it against.
pub(crate) fn claimed_issuer(token: &str) -> Result<String, JwtError> {
    let parts = Parts::of(token)?;
    let issuer = parts.claims.get("iss").and_then(Value::as_str);
    issuer.map(str::to_owned).ok_or(JwtError::Form)
}
