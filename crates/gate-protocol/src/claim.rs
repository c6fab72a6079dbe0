//! The claim and the grant: the one step from an approved request to the right
//! to run it, once.

use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::id::{Nonce, RequestId};
use crate::log::{AuditRecord, RecordType};
use crate::runner_key::{RunnerKey, RunnerSecret};
use crate::signed_note::{DetachedSignature, SigningKey, VerifierKey};

/// The domain of a claim's signature.
pub const CLAIM_DOMAIN: &str = "gate/claim/v1";
/// The domain of a grant's signature.
pub const GRANT_DOMAIN: &str = "gate/grant/v1";

/// The body of `POST /v1/requests/{id}/claim`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The digest of what will run.
    pub digest: Digest,
    /// The key that the request named.
    pub runner_key: RunnerKey,
    /// The same nonce asks for the same answer; another one is another claim.
    pub nonce: Nonce,
    /// By the runner key, over `gate/claim/v1`, a zero byte and the canonical
    /// form of request, digest and nonce; in standard base64.
    pub signature: String,
    /// A grant that this client was given before, of this very request where there is one: what the
    /// log is held against, which must have the record of it. It decides nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Box<SignedGrant>>,
}

/// What a claim's signature covers.
#[derive(Serialize)]
struct ClaimMessage<'a> {
    request: RequestId,
    digest: &'a Digest,
    nonce: &'a Nonce,
}

fn claim_message(
    request: RequestId,
    digest: &Digest,
    nonce: &Nonce,
) -> Result<Vec<u8>, CanonicalError> {
    let canonical = to_canonical_bytes(&ClaimMessage {
        request,
        digest,
        nonce,
    })?;
    Ok([CLAIM_DOMAIN.as_bytes(), b"\0", &canonical].concat())
}

impl ClaimRequest {
    /// Makes a claim with the runner's secret key.
    ///
    /// # Errors
    /// [`CanonicalError`] where a value has no canonical form.
    pub fn sign(
        request: RequestId,
        digest: Digest,
        nonce: Nonce,
        secret: &RunnerSecret,
    ) -> Result<Self, CanonicalError> {
        let signature = secret.sign(&claim_message(request, &digest, &nonce)?);
        Ok(Self {
            digest,
            runner_key: secret.public(),
            nonce,
            signature: base64::engine::general_purpose::STANDARD.encode(signature),
            seen: None,
        })
    }

    /// Brings what the client was granted before.
    #[must_use]
    pub fn having_seen(mut self, grant: Option<SignedGrant>) -> Self {
        self.seen = grant.map(Box::new);
        self
    }

    /// Tells whether the holder of `runner_key` made this claim for `request`.
    pub fn is_signed_for(&self, request: RequestId) -> bool {
        let Ok(message) = claim_message(request, &self.digest, &self.nonce) else {
            return false;
        };
        base64::engine::general_purpose::STANDARD
            .decode(&self.signature)
            .is_ok_and(|signature| self.runner_key.verifies(&message, &signature))
    }
}

/// The right to run one command, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The version of this form: 1.
    pub v: u32,
    /// The server that made it.
    pub audience: String,
    /// The request that was approved.
    pub request: RequestId,
    /// The digest of what may run.
    pub digest: Digest,
    /// Who may run it.
    pub runner_key: RunnerKey,
    /// The claim that it answers.
    pub claim_nonce: Nonce,
    /// The version of the server's rules at the claim; 0 where it has none.
    pub policy_version: u64,
    /// The people who approved, for the client's own record.
    pub approved_by: Vec<String>,
    /// When it ends, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// How long it is good from the moment it is received, in seconds.
    pub valid_for_seconds: u64,
    /// The server only observes: nobody approved, and it would have asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
}

/// A grant with the server's signature, and the record that was written first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedGrant {
    /// The grant.
    pub grant: Grant,
    /// Over the canonical form of `grant`.
    #[schema(value_type = Object)]
    pub signature: DetachedSignature,
    /// The audit record of the claim, byte for byte.
    pub record: String,
}

/// What the client asked for, to be held against the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedGrant {
    /// The server that was asked.
    pub audience: String,
    /// The request that was claimed.
    pub request: RequestId,
    /// The digest of what will run.
    pub digest: Digest,
    /// The client's key.
    pub runner_key: RunnerKey,
    /// The nonce of the claim.
    pub nonce: Nonce,
}

/// Why a grant must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The signature is not the pinned key's.
    #[error("the grant is not signed by the pinned key `{0}`")]
    Signature(String),
    /// A field is not what was asked for.
    #[error("the grant is for another {0}")]
    Mismatch(&'static str),
    /// It ended before it came.
    #[error("the grant ended at {0}, before it could be used")]
    Expired(Timestamp),
    /// The record that it came with is not the one of this claim.
    #[error("the grant came without the record of its claim")]
    Record,
    /// It has no canonical form.
    #[error("the grant has no canonical form")]
    Canonical(#[from] CanonicalError),
}

/// A grant whose signature, binding and time were verified. The only way to
/// one is [`SignedGrant::verify`].
#[derive(Debug)]
pub struct VerifiedGrant {
    grant: Grant,
}

impl VerifiedGrant {
    /// Returns what was granted.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

impl SignedGrant {
    /// Signs `grant`, with the record that was written for it.
    ///
    /// # Errors
    /// [`CanonicalError`] where a number has no canonical form.
    pub fn sign(grant: Grant, record: String, key: &SigningKey) -> Result<Self, CanonicalError> {
        let signature = key.sign_detached(GRANT_DOMAIN, &to_canonical_bytes(&grant)?);
        Ok(Self {
            grant,
            signature,
            record,
        })
    }

    /// Returns the record that the holder of `key` had made when it gave this grant; none where that
    /// was somebody else.
    #[must_use]
    pub fn record_of(&self, key: &VerifierKey) -> Option<AuditRecord> {
        let canonical = to_canonical_bytes(&self.grant).ok()?;
        key.verify_detached(GRANT_DOMAIN, &canonical, &self.signature)
            .ok()
            .filter(|()| is_record_of(&self.record, &self.grant))?;
        AuditRecord::parse(self.record.as_bytes()).ok()
    }

    /// Holds the grant against the pinned key and against what was asked for.
    ///
    /// `waited_seconds` is how long the answer took, by a clock that can't be
    /// set: a grant that was held back for longer than it is good is no grant.
    ///
    /// # Errors
    /// Each [`GrantError`] as its name says; nothing may then run.
    pub fn verify(
        self,
        key: &VerifierKey,
        expected: &ExpectedGrant,
        waited_seconds: u64,
    ) -> Result<VerifiedGrant, GrantError> {
        let grant = self.grant;
        key.verify_detached(GRANT_DOMAIN, &to_canonical_bytes(&grant)?, &self.signature)
            .map_err(|_| GrantError::Signature(key.to_string()))?;
        let bound = [
            (grant.v == 1, "version"),
            (grant.audience == expected.audience, "server"),
            (grant.request == expected.request, "request"),
            (grant.digest == expected.digest, "command"),
            (grant.runner_key == expected.runner_key, "runner"),
            (grant.claim_nonce == expected.nonce, "claim"),
        ];
        if let Some((_, what)) = bound.iter().find(|(holds, _)| !holds) {
            return Err(GrantError::Mismatch(what));
        }
        if !is_record_of(&self.record, &grant) {
            return Err(GrantError::Record);
        }
        if waited_seconds >= grant.valid_for_seconds {
            return Err(GrantError::Expired(grant.not_after));
        }
        Ok(VerifiedGrant { grant })
    }
}

/// Tells whether a record says that this claim was made. It is kept as a receipt: one that tells of
/// something else would prove nothing later.
fn is_record_of(record: &str, grant: &Grant) -> bool {
    AuditRecord::parse(record.as_bytes()).is_ok_and(|record| {
        let says = |name: &str, wanted: &str| {
            record.body().get(name).and_then(Value::as_str) == Some(wanted)
        };
        *record.record_type() == RecordType::GrantClaimed
            && says("request", &grant.request.to_string())
            && says("digest", &grant.digest.to_string())
            && says("claim_nonce", &grant.claim_nonce.to_string())
    })
}
