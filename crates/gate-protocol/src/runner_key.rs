//! The key of one runner: a request names its public half, and only the holder
//! of the secret half can claim what was approved.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::id::IdError;

/// Serialises a type through its `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text =
                    <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// Reads exactly `N` bytes of lowercase hexadecimal.
pub(crate) fn bytes_from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| match pair.get(at)? {
            d @ b'0'..=b'9' => Some(d - b'0'),
            d @ b'a'..=b'f' => Some(d - b'a' + 10),
            _ => None,
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// The public half, as it stands in requests and grants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct RunnerKey([u8; 32]);

impl RunnerKey {
    /// Tells whether `signature` (64 bytes) over `message` was made with the secret half.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (
            VerifyingKey::from_bytes(&self.0),
            Signature::from_slice(signature),
        ) else {
            return false;
        };
        key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for RunnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RunnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunnerKey({self})")
    }
}

impl FromStr for RunnerKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        bytes_from_hex(text)
            .map(Self)
            .ok_or_else(|| IdError::new(text, "a runner key (64 lowercase hex digits)"))
    }
}

serde_as_text!(RunnerKey);

/// The secret half. Never leaves the machine; has no `Display`, and its `Debug` tells nothing.
pub struct RunnerSecret(SigningKey);

impl RunnerSecret {
    /// Returns a new key from the operating system's random source.
    ///
    /// # Errors
    /// The random source can't be read.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice())?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Returns the key whose 32-byte seed this is.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the seed, to be stored where only its owner can read it.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> RunnerKey {
        RunnerKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for RunnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunnerSecret(for {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_verifies_only_what_its_secret_signed() {
        let secret = RunnerSecret::from_seed(&[7; 32]);
        let signature = secret.sign(b"claim");
        assert!(secret.public().verifies(b"claim", &signature));
        assert!(!secret.public().verifies(b"other", &signature));
        assert!(
            !RunnerSecret::from_seed(&[8; 32])
                .public()
                .verifies(b"claim", &signature)
        );
        assert!(!secret.public().verifies(b"claim", &signature[..63]));
    }

    #[test]
    fn hex_is_exact() {
        let key = RunnerSecret::from_seed(&[7; 32]).public();
        assert_eq!(key.to_string().parse::<RunnerKey>(), Ok(key));
        assert!(key.to_string().to_uppercase().parse::<RunnerKey>().is_err());
        assert!("ab".parse::<RunnerKey>().is_err());
    }
}
