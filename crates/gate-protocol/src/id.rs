//! Identifiers: a newtype for each, so that one never stands for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An identifier that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.escape_debug().take(64).collect(),
            expected,
        }
    }
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// Returns a new identifier, ordered by the time of its making.
            ///
            /// Source: RFC 9562 section 5.7 (`UUIDv7`).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| IdError::new(text, $expected))
            }
        }
    };
}

uuid_newtype!(
    /// Names one approval request. Carries 74 random bits, so it can't be guessed.
    RequestId,
    "a request id (a UUID)"
);
uuid_newtype!(
    /// Names one standing grant.
    StandingGrantId,
    "the id of a standing grant (a UUID)"
);
uuid_newtype!(
    /// Names one installation of the client, whose events form one sequence per epoch.
    ClientId,
    "a client id (a UUID)"
);
uuid_newtype!(
    /// Names one life of a client's spool; a new one says that the old was lost.
    EpochId,
    "an epoch id (a UUID)"
);

/// Sixteen random bytes that make one claim different from every other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{32}$", example = "9f86d081884c7d659a2feaa0c55ad015")]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// Returns a nonce from the operating system's random source.
    ///
    /// # Errors
    /// The random source can't be read.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

impl FromStr for Nonce {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        crate::runner_key::bytes_from_hex(text)
            .map(Self)
            .ok_or_else(|| IdError::new(text, "a nonce (32 lowercase hex digits)"))
    }
}

crate::runner_key::serde_as_text!(Nonce);
