//! The rules that a server hands to its clients: versioned, signed, expiring.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::page::Cursor;
use crate::signed_note::{DetachedSignature, SigningKey, VerifierKey};

/// The domain of a bundle's signature.
pub const RULES_DOMAIN: &str = "gate/rules/v1";

/// The longest text of rules, in bytes: in a file, in a bundle, and as it is
/// sent to a server. Some 100,000 rules fit.
pub const RULES_TEXT_LIMIT_BYTES: usize = 8 << 20;

/// The most bytes of a JSON message that carries a text of rules. TOML has no
/// control characters but tab, line feed and carriage return, so that no
/// character of it takes more than twice its length in JSON; 64 KiB are left
/// for the rest of the message.
pub const RULES_MESSAGE_LIMIT_BYTES: usize = 2 * RULES_TEXT_LIMIT_BYTES + (64 << 10);

/// One version of the server's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleBundle {
    /// The server that they are of.
    pub audience: String,
    /// Counts up from 1; a client never takes a lower one than it has seen.
    pub version: u64,
    /// The rules as TOML.
    pub text: String,
    /// SHA-256 of `text`.
    pub sha256: Digest,
    /// When this copy was signed.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// From when on this copy must not be used.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
}

/// A bundle with the server's signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedRules {
    /// The rules.
    pub bundle: RuleBundle,
    /// Over the canonical form of `bundle`.
    #[schema(value_type = Object)]
    pub signature: DetachedSignature,
}

/// The body of `PUT /v1/rules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutRules {
    /// The rules as TOML.
    pub text: String,
    /// The version that the author has seen; 0 for none. Where another is in
    /// force, nothing is changed. `If-Match` can say it too, and one of them must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Rules that let more pass than those in force, which a second admin must confirm: the answer of
/// `PUT /v1/rules` in place of the rules in force, and of `GET /v1/rules/proposal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProposedRules {
    /// Names them to whoever confirms them.
    pub id: String,
    /// The version that they take the place of; once another is in force, nobody confirms them.
    pub base_version: u64,
    /// The rules as TOML.
    pub text: String,
    /// SHA-256 of `text`.
    pub sha256: Digest,
    /// What they let pass or ask less than those in force, in words.
    pub loosens: Vec<String>,
    /// Who wants them.
    pub proposed_by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
}

/// One version of the rules, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesVersion {
    /// Its number, from 1.
    pub version: u64,
    /// Who put it in force.
    pub activated_by: String,
    /// When that was.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
    /// The length of its text, in bytes.
    pub size_bytes: u64,
}

/// One page of versions of the rules, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesVersionPage {
    /// The versions.
    pub versions: Vec<RulesVersion>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One version of the rules with its text, in force or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesText {
    /// Its number, from 1.
    pub version: u64,
    /// The rules as TOML.
    pub text: String,
    /// SHA-256 of `text`.
    pub sha256: Digest,
    /// When it was put in force.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
}

/// Why a bundle must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The signature is not the pinned key's.
    #[error("the rules are not signed by the pinned key of `{0}`")]
    Signature(String),
    /// The bundle is of another server.
    #[error("the rules are of `{found}`, not of `{expected}`")]
    Audience {
        /// The server that was asked.
        expected: String,
        /// The server that the bundle names.
        found: String,
    },
    /// The text is not the text that was hashed.
    #[error("the text of the rules does not have the hash that the bundle names")]
    Hash,
    /// The bundle is too old.
    #[error("the rules ended at {0}")]
    Expired(Timestamp),
    /// An older version than one that was in force here.
    #[error("version {found} of the rules is older than version {seen}, which was in force here")]
    Rollback {
        /// The highest version that was in force here.
        seen: u64,
        /// The version of the bundle.
        found: u64,
    },
    /// It has no canonical form.
    #[error("the rules have no canonical form")]
    Canonical(#[from] CanonicalError),
}

impl SignedRules {
    /// Returns the entity tag of this copy, quoted: equal exactly where the bytes are.
    ///
    /// # Errors
    /// [`CanonicalError`] where it has no canonical form.
    ///
    /// Source: RFC 9110 section 8.8.3.
    pub fn etag(&self) -> Result<String, CanonicalError> {
        let digest = Digest::of_bytes(&to_canonical_bytes(self)?);
        Ok(format!("\"{digest}\""))
    }

    /// Signs `bundle`.
    ///
    /// # Errors
    /// [`CanonicalError`] where a number has no canonical form.
    pub fn sign(bundle: RuleBundle, key: &SigningKey) -> Result<Self, CanonicalError> {
        let signature = key.sign_detached(RULES_DOMAIN, &to_canonical_bytes(&bundle)?);
        Ok(Self { bundle, signature })
    }

    /// Returns the bundle if it may be used now.
    ///
    /// `seen` is the highest version that was ever in force here.
    ///
    /// # Errors
    /// Each [`RulesError`] as its name says; the rules must then not be used.
    pub fn verify(
        &self,
        key: &VerifierKey,
        audience: &str,
        seen: u64,
        now: Timestamp,
    ) -> Result<&RuleBundle, RulesError> {
        let bundle = &self.bundle;
        key.verify_detached(RULES_DOMAIN, &to_canonical_bytes(bundle)?, &self.signature)
            .map_err(|_| RulesError::Signature(audience.to_owned()))?;
        if bundle.audience != audience {
            return Err(RulesError::Audience {
                expected: audience.to_owned(),
                found: bundle.audience.clone(),
            });
        }
        if bundle.sha256 != Digest::of_bytes(bundle.text.as_bytes()) {
            return Err(RulesError::Hash);
        }
        if bundle.not_after <= now {
            return Err(RulesError::Expired(bundle.not_after));
        }
        if bundle.version < seen {
            return Err(RulesError::Rollback {
                seen,
                found: bundle.version,
            });
        }
        Ok(bundle)
    }
}
