//! Tokens: high-entropy secrets that are stored as their SHA-256 and shown once.

use gate_protocol::principal::PrincipalKind;
use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 43 base62 characters carry 256 bits.
const SECRET_CHARS: usize = 43;

/// A secret that names its bearer: `gate_<kind>_<43 base62 characters>`. Has
/// neither `Debug` nor `Display`, so that no log can show one.
pub(crate) struct Token(String);

/// What is stored of a token. A plain hash suffices: a secret of 256 random
/// bits can't be guessed, so there is nothing for a slow hash to slow down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Token {
    /// Returns a new token from the operating system's random source.
    pub(crate) fn generate(kind: PrincipalKind) -> Result<Self, getrandom::Error> {
        Ok(Self(format!("gate_{}_{}", kind.as_str(), secret()?)))
    }

    /// Returns the token that `text` could be, by its form alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, secret) = text.strip_prefix("gate_")?.split_once('_')?;
        let is_token = matches!(kind, "user" | "agent" | "workload")
            && secret.len() == SECRET_CHARS
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token.then(|| Self(text.to_owned()))
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Hands out the secret: to the one who asked for the token, once.
    pub(crate) fn reveal(self) -> String {
        self.0
    }
}

/// Returns 43 base62 characters, each equally likely.
fn secret() -> Result<String, getrandom::Error> {
    let mut secret = String::with_capacity(SECRET_CHARS);
    let mut bytes = [0; 64];
    while secret.len() < SECRET_CHARS {
        getrandom::fill(&mut bytes)?;
        // 248 is 4 × 62: above it the first letters would be more likely.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let characters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % 62));
        secret.extend(characters.map(|byte| char::from(*byte)));
    }
    secret.truncate(SECRET_CHARS);
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_form_and_is_never_the_same() {
        let first = Token::generate(PrincipalKind::Agent).unwrap().reveal();
        let second = Token::generate(PrincipalKind::Agent).unwrap().reveal();
        assert_eq!(first.len(), "gate_agent_".len() + 43);
        assert!(Token::parse(&first).is_some());
        assert_ne!(first, second);
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let (secret, short) = ("a".repeat(43), "a".repeat(42));
        for text in [
            "",
            "gate_",
            "gate_user_",
            &format!("gate_admin_{secret}"),
            &format!("gate_user_{secret}a"),
            &format!("gate_user_{short}"),
            &format!("gate_user_{short}-"),
            &format!("user_{secret}"),
            &format!(" gate_user_{secret}"),
        ] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
