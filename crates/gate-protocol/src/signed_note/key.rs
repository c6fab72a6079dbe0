//! Named Ed25519 keys: the secret half, the public half, and their spelling.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::canonical::Digest;

/// The longest key name, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl KeyId {
    fn of(name: &str, algorithm: Algorithm, public: &[u8]) -> Self {
        let hash = Digest::of_parts(&[name.as_bytes(), b"\n", &[algorithm.type_byte()], public]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self([a, b, c, d])
    }

    pub(super) const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

/// What a key signs, and how. Source: C2SP signed-note, "Signature types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Type 0x01: Ed25519 over the note's text.
    Ed25519,
    /// Type 0x04: a witness's Ed25519 over a time and the note's text.
    CosignatureV1,
}

impl Algorithm {
    const fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// Why a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Empty, too long, or with a space, a plus or a control character.
    #[error("`{}` can't name a key: no spaces, no plus, no controls, 1 to 255 bytes", .0.escape_default())]
    Name(String),
    /// Not `name+hash+base64`.
    #[error("`{}` is not a key of the form name+hash+base64", .0.escape_default())]
    Form(String),
    /// The hash in the text is not the hash of the name and the key.
    #[error("the key `{name}` says hash {said}, but hashes to {real}")]
    Hash {
        /// The key's name.
        name: String,
        /// The hash in the text.
        said: String,
        /// The hash that the name and the key have.
        real: KeyId,
    },
    /// A type byte that this version can't verify.
    #[error("the key `{name}` has the unknown type {type_byte:#04x}")]
    Algorithm {
        /// The key's name.
        name: String,
        /// The type byte.
        type_byte: u8,
    },
    /// Not a point of the curve, or one under which anybody can sign.
    #[error("the key `{0}` is not a sound Ed25519 public key")]
    Point(String),
    /// The operating system gave no random bytes.
    #[error("cannot get random bytes for a new key: {0}")]
    Random(String),
}

fn valid_name(name: &str) -> Result<&str, KeyError> {
    let is_forbidden =
        |character: char| character.is_whitespace() || character.is_control() || character == '+';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(is_forbidden) {
        return Err(KeyError::Name(name.chars().take(MAX_NAME_BYTES).collect()));
    }
    Ok(name)
}

pub(super) fn is_name(name: &str) -> bool {
    valid_name(name).is_ok()
}

/// The public half of a named key, written `name+hash+base64(type ‖ key)`.
///
/// Whoever holds one trusts it: it comes from configuration, never from the
/// message that it verifies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    algorithm: Algorithm,
    public: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Takes a public key under a name.
    ///
    /// # Errors
    /// [`KeyError::Name`] and [`KeyError::Point`].
    pub fn new(name: &str, algorithm: Algorithm, public: &[u8; 32]) -> Result<Self, KeyError> {
        let name = valid_name(name)?;
        let point = ed25519_dalek::VerifyingKey::from_bytes(public)
            .ok()
            .filter(|point| !point.is_weak())
            .ok_or_else(|| KeyError::Point(name.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            id: KeyId::of(name, algorithm, public),
            algorithm,
            public: point,
        })
    }

    /// Returns the key's name, for a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key's hash.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Returns `name+hash`, which tells keys apart in detached signatures.
    pub fn label(&self) -> String {
        format!("{}+{}", self.name, self.id)
    }

    /// Returns what the key signs, and how.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the public key.
    pub fn public_bytes(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// `verify_strict` refuses the malleable and small-order signatures that
    /// plain Ed25519 lets through: a signature has one form.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.public.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.algorithm.type_byte()], &self.public_bytes()[..]].concat();
        write!(
            formatter,
            "{}+{}+{}",
            self.name,
            self.id,
            STANDARD.encode(typed)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let form = || KeyError::Form(text.chars().take(MAX_NAME_BYTES).collect());
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (said, encoded) = rest.split_once('+').ok_or_else(form)?;
        let typed = STANDARD.decode(encoded).map_err(|_| form())?;
        let (&type_byte, public) = typed.split_first().ok_or_else(form)?;
        let name = valid_name(name)?;
        let algorithm = match type_byte {
            0x01 => Algorithm::Ed25519,
            0x04 => Algorithm::CosignatureV1,
            _ => {
                let name = name.to_owned();
                return Err(KeyError::Algorithm { name, type_byte });
            }
        };
        let public: &[u8; 32] = public.try_into().map_err(|_| form())?;
        let key = Self::new(name, algorithm, public)?;
        if said != key.id.to_string() {
            return Err(KeyError::Hash {
                name: key.name,
                said: said.chars().take(MAX_NAME_BYTES).collect(),
                real: key.id,
            });
        }
        Ok(key)
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}

/// The secret half of a named Ed25519 key. Wiped from memory when dropped.
pub struct SigningKey {
    secret: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Takes the 32 secret bytes of RFC 8032 under a name.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = secret.verifying_key().to_bytes();
        Ok(Self {
            verifier: VerifierKey::new(name, Algorithm::Ed25519, &public)?,
            secret,
        })
    }

    /// Makes a new key from the operating system's random bytes.
    ///
    /// # Errors
    /// [`KeyError::Name`], and [`KeyError::Random`] where there are none.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|error| KeyError::Random(error.to_string()))?;
        Self::from_seed(name, &seed)
    }

    /// Returns the 32 secret bytes, to be stored where nobody else reads.
    pub fn expose_seed(&self) -> &[u8; 32] {
        self.secret.as_bytes()
    }

    /// Returns the key's name.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Returns the public half.
    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, redacted)", self.verifier.label())
    }
}
