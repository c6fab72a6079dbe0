//! Secrets of this server's own making, as cookies and links carry them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenHash;

/// A random secret of 256 bits. Has neither `Debug` nor `Display`, so that no log
/// can show one. It has another form than every token of the API, so neither is
/// ever taken for the other.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Returns a new secret from the operating system's random source.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the secret that `text` could be, by its form alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_secret = text.len() == 43
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_secret.then(|| Self(text.to_owned()))
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Hands out the secret: to the browser, or into a link.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}
