//! The secret that says who is asking, and the key that makes asking twice harmless.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// The most characters that a token can have.
const TOKEN_LIMIT: usize = 512;
/// The most characters that an idempotency key can have.
const KEY_LIMIT: usize = 128;

/// A bearer token. Wiped from memory when dropped; has no `Display`, and its
/// `Debug` tells nothing.
///
/// The copy that stands in the headers of a request in flight is not wiped: the
/// HTTP library owns that memory.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// Why a text is not a token. Never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Nothing was given.
    #[error("the token is empty")]
    Empty,
    /// Longer than any token.
    #[error("the token has more than {TOKEN_LIMIT} characters")]
    TooLong,
    /// White space, most often the end of the line it was read from.
    #[error("the token contains white space")]
    Space,
    /// A character that no token has.
    #[error("the token contains a character other than letters, digits and `-._~+/=`")]
    Charset,
}

impl Token {
    /// Returns the token itself, for the one who stores or sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    /// Takes the characters of a bearer token (RFC 6750 section 2.1) and trims
    /// nothing.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > TOKEN_LIMIT {
            return Err(TokenError::TooLong);
        }
        if text.chars().any(char::is_whitespace) {
            return Err(TokenError::Space);
        }
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if !text.bytes().all(is_token) {
            return Err(TokenError::Charset);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Names one wish, however often it is sent: the server answers a repeated key
/// with what the first one made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A text that can't be an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to {KEY_LIMIT} of letters, digits and `-._~`")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Returns a key of 128 random bits from the operating system.
    ///
    /// # Errors
    /// The random source can't be read.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes))))
    }

    /// Returns the text of the key, to be kept for a retry after a crash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let is_key = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if text.is_empty() || text.len() > KEY_LIMIT || !text.bytes().all(is_key) {
            return Err(IdempotencyKeyError);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_a_bearer_header_can_carry() {
        assert_eq!(
            "gate_rq-Az09._~+/=".parse::<Token>().unwrap().expose(),
            "gate_rq-Az09._~+/="
        );
    }

    #[test]
    fn each_bad_token_has_its_own_answer_that_does_not_repeat_it() {
        for (text, expected) in [
            ("", TokenError::Empty),
            ("secret\n", TokenError::Space),
            ("two words", TokenError::Space),
            ("s\u{e9}cret", TokenError::Charset),
            ("secret\u{1b}[2J", TokenError::Charset),
            ("secret\0", TokenError::Charset),
            (&"x".repeat(TOKEN_LIMIT + 1), TokenError::TooLong),
        ] {
            let error = text.parse::<Token>().unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn debug_tells_nothing_of_a_token() {
        let token: Token = "hunter2".parse().unwrap();
        assert!(!format!("{token:?}").contains("hunter2"));
    }

    #[test]
    fn two_generated_keys_differ_and_read_back() {
        let (a, b) = (
            IdempotencyKey::generate().unwrap(),
            IdempotencyKey::generate().unwrap(),
        );
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse(), Ok(a.clone()));
        assert_eq!("a\r\nb".parse::<IdempotencyKey>(), Err(IdempotencyKeyError));
    }
}
