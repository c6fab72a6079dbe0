//! The secret half of a witness's key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{Algorithm, KeyError, SigningKey, VerifierKey};
use super::note::{MARK, NoteError, cosignature_message, valid_text};

/// A witness's key. It signs what it saw and when, and nothing else: a log's
/// key and a witness's are of different types, and neither signs as the other.
///
/// Source: C2SP tlog-cosignature, type 0x04.
#[derive(Debug)]
pub struct Cosigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Cosigner {
    /// Takes the 32 secret bytes of RFC 8032 under a witness's name.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_seed(name, seed)?;
        let public = *key.verifier().public_bytes();
        Ok(Self {
            verifier: VerifierKey::new(name, Algorithm::CosignatureV1, &public)?,
            key,
        })
    }

    /// Returns the public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Returns the signature line under a checkpoint's text, with its newline.
    /// `at_seconds` is the witness's clock, in seconds since 1970.
    ///
    /// # Errors
    /// [`NoteError::Text`].
    pub fn cosign(&self, text: &str, at_seconds: u64) -> Result<String, NoteError> {
        valid_text(text)?;
        let message = cosignature_message(at_seconds, text);
        let signature = [
            &self.verifier.id().as_bytes()[..],
            &at_seconds.to_be_bytes(),
            &self.key.sign(message.as_bytes()),
        ]
        .concat();
        let encoded = STANDARD.encode(signature);
        Ok(format!("{MARK}{} {encoded}\n", self.verifier.name()))
    }
}
