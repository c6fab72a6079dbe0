//! Signatures that travel beside what they sign: grants and rule bundles.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::key::{Algorithm, SigningKey, VerifierKey};

/// A signature over domain ‖ 0x00 ‖ canonical bytes.
///
/// The NUL keeps it apart from note signatures, whose text can't contain one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetachedSignature {
    /// `name+hash` of the key, as [`VerifierKey::label`] returns it.
    pub key_id: String,
    /// The 64 bytes of Ed25519, in standard base64.
    pub signature: String,
}

/// Why a detached signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetachedError {
    /// Another key has signed.
    #[error("signed by `{}`, not by `{expected}`", .found.escape_default())]
    OtherKey {
        /// The key that was given.
        expected: String,
        /// The key that the signature names.
        found: String,
    },
    /// Not base64, or the bytes are not signed by the key.
    #[error("the signature of `{0}` does not match")]
    BadSignature(String),
}

fn message(domain: &str, canonical: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), &[0], canonical].concat()
}

impl SigningKey {
    /// Signs canonical bytes for one purpose, as `gate/grant/v1`.
    pub fn sign_detached(&self, domain: &str, canonical: &[u8]) -> DetachedSignature {
        DetachedSignature {
            key_id: self.verifier().label(),
            signature: STANDARD.encode(self.sign(&message(domain, canonical))),
        }
    }
}

impl VerifierKey {
    /// Verifies that this key has signed these bytes for this purpose.
    ///
    /// # Errors
    /// [`DetachedError::OtherKey`] where another key is named, and
    /// [`DetachedError::BadSignature`] for all else.
    pub fn verify_detached(
        &self,
        domain: &str,
        canonical: &[u8],
        signature: &DetachedSignature,
    ) -> Result<(), DetachedError> {
        if signature.key_id != self.label() {
            return Err(DetachedError::OtherKey {
                expected: self.label(),
                found: signature.key_id.clone(),
            });
        }
        let is_good = self.algorithm() == Algorithm::Ed25519
            && STANDARD
                .decode(&signature.signature)
                .is_ok_and(|bytes| self.has_signed(&message(domain, canonical), &bytes));
        if is_good {
            Ok(())
        } else {
            Err(DetachedError::BadSignature(self.label()))
        }
    }
}
