//! The keys that an issuer publishes, and the one check of a signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use super::{Algorithm, Claims, JwtError, Parts};

/// More keys than any issuer publishes.
const MOST_KEYS: usize = 100;

/// A published set of keys, of which only those are kept that can check a
/// signature of a known kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm it is for, where the issuer says so.
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// As published. What is missing or of an unknown kind makes one key useless and
/// not the whole set: an issuer may publish more than we can use.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// What the key may stand for, where its issuer says so.
    #[serde(default)]
    endorsements: Vec<String>,
}

#[derive(Deserialize)]
struct PublishedSet {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a published set, of which only those keys are kept that are `endorsed`
    /// for something, where that is asked for; none where it is no set or has too
    /// many keys.
    pub(crate) fn parse(json: &[u8], endorsed: Option<&str>) -> Option<Self> {
        let set: PublishedSet = serde_json::from_slice(json).ok()?;
        if set.keys.len() > MOST_KEYS {
            return None;
        }
        let keys = set.keys.into_iter().filter_map(|key| {
            let published: Published = serde_json::from_value(key).ok()?;
            let is_for = |what: &str| published.endorsements.iter().any(|one| one == what);
            if !endorsed.is_none_or(is_for) {
                return None;
            }
            Key::of(published)
        });
        Some(Self(keys.collect()))
    }

    /// Returns what the token says, if one of these keys signed it with one of
    /// the `allowed` algorithms. Whether it is for us and still good is asked
    /// next, by [`Claims::expect`].
    pub(crate) fn verify(&self, token: &str, allowed: &[Algorithm]) -> Result<Claims, JwtError> {
        let parts = Parts::of(token)?;
        let refused = || JwtError::Algorithm(shown(&parts.header.alg));
        let algorithm = Algorithm::named(&parts.header.alg)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or_else(refused)?;
        if let Some(class) = &parts.header.typ
            && !class.eq_ignore_ascii_case("jwt")
        {
            return Err(JwtError::Class(shown(class)));
        }
        let key = self.find(parts.header.kid.as_deref(), algorithm)?;
        if key.has_signed(algorithm, parts.message, &parts.signature) {
            Ok(Claims(parts.claims))
        } else {
            Err(JwtError::Signature)
        }
    }

    /// Returns the one key that is meant. Without a name only an only one is.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, JwtError> {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm));
        match id {
            Some(id) => fitting
                .find(|key| key.id.as_deref() == Some(id))
                .ok_or(JwtError::UnknownKey),
            None => match (fitting.next(), fitting.next()) {
                (Some(key), None) => Ok(key),
                _ => Err(JwtError::NoKey),
            },
        }
    }
}

impl Key {
    fn of(published: Published) -> Option<Self> {
        let for_signatures = published
            .purpose
            .as_deref()
            .is_none_or(|use_| use_ == "sig");
        let may_verify = published
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !(for_signatures && may_verify) {
            return None;
        }
        let only = match &published.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        Some(Self {
            material: Material::of(&published)?,
            id: published.kid,
            only,
        })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_of_kind = match (&self.material, algorithm) {
            (
                Material::Rsa { .. },
                Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 | Algorithm::Ps256,
            )
            | (Material::P256(_), Algorithm::Es256)
            | (Material::P384(_), Algorithm::Es384)
            | (Material::Ed25519(_), Algorithm::EdDsa) => true,
            (
                Material::Rsa { .. } | Material::P256(_) | Material::P384(_) | Material::Ed25519(_),
                _,
            ) => false,
        };
        is_of_kind && self.only.is_none_or(|only| only == algorithm)
    }

    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let result = match &self.material {
            Material::Rsa { n, e } => match rsa_parameters(algorithm) {
                Some(parameters) => {
                    RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
                }
                None => return false,
            },
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
            }
            Material::P384(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                    .verify(message, signature)
            }
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature)
            }
        };
        result.is_ok()
    }
}

/// Keys of fewer than 2,048 bits are refused by these.
fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

impl Material {
    fn of(published: &Published) -> Option<Self> {
        match (published.kty.as_str(), published.crv.as_deref()) {
            ("RSA", _) => Some(Self::Rsa {
                // A leading zero is tolerated by many and by ring not.
                n: trimmed(bytes(published.n.as_ref())?),
                e: trimmed(bytes(published.e.as_ref())?),
            }),
            ("EC", Some("P-256")) => point(published, 32).map(Self::P256),
            ("EC", Some("P-384")) => point(published, 48).map(Self::P384),
            ("OKP", Some("Ed25519")) => {
                let x = bytes(published.x.as_ref())?;
                (x.len() == 32).then_some(Self::Ed25519(x))
            }
            _ => None,
        }
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

fn trimmed(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// Returns a point of a curve, uncompressed as ring reads it (SEC 1, 2.3.3).
fn point(published: &Published, coordinate_bytes: usize) -> Option<Vec<u8>> {
    let (x, y) = (bytes(published.x.as_ref())?, bytes(published.y.as_ref())?);
    if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
        return None;
    }
    Some([vec![4], x, y].concat())
}

/// Returns the beginning of what a token said, for a message.
fn shown(text: &str) -> String {
    let head: String = text.chars().take(32).collect();
    gate_protocol::inert::inert(&head).into_owned()
}
