//! What the API says when it refuses.

use serde::{Deserialize, Serialize};

/// A refusal as `application/problem+json`.
///
/// Source: RFC 9457. `code` is our extension member: the stable name that
/// programs branch on; `type` is `about:blank#` with the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The kind of problem as a URI reference.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The stable name of the kind.
    pub code: ProblemCode,
}

/// The stable names of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// The body or a parameter is malformed.
    BadRequest,
    /// No token, or one that is unknown, ended or of a disabled principal.
    Unauthorized,
    /// The token is good and its role does not cover this.
    Forbidden,
    /// A rule of the server denies the command: nobody is asked.
    Denied,
    /// The reviewer asked for this, or owns who asked.
    SelfReview,
    /// The reviewer made or changed who asked, or the rule that asks.
    Excluded,
    /// No such thing, or none that this token may see.
    NotFound,
    /// It was already decided, claimed or ended.
    Conflict,
    /// It was approved, and an approval does not count any more: it waits for
    /// people again.
    Lapsed,
    /// What `If-Match` names is not there any more: somebody changed it.
    Stale,
    /// The change must say what its author has seen, by `If-Match`.
    PreconditionRequired,
    /// The path has other methods.
    MethodNotAllowed,
    /// The digest named is not the digest of what is there.
    DigestMismatch,
    /// The idempotency key was used for something else.
    IdempotencyMismatch,
    /// The body is too large.
    TooLarge,
    /// Too many requests, or too many open ones.
    TooMany,
    /// The media type is not `application/json`.
    MediaType,
    /// The server failed; nothing was changed.
    Internal,
    /// The server is stopping or its store does not answer; try again.
    Unavailable,
}

impl Problem {
    /// Returns a problem of this kind with its own words.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let (status, title) = code.status_and_title();
        Self {
            kind: format!("about:blank#{}", code.as_str()),
            title: title.to_owned(),
            status,
            detail: Some(detail.into()),
            code,
        }
    }
}

impl ProblemCode {
    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Denied => "denied",
            Self::SelfReview => "self_review",
            Self::Excluded => "excluded",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Lapsed => "lapsed",
            Self::Stale => "stale",
            Self::PreconditionRequired => "precondition_required",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::DigestMismatch => "digest_mismatch",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::MediaType => "media_type",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the HTTP status and the title of the kind.
    #[must_use]
    pub fn status_and_title(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "The request is malformed"),
            Self::Unauthorized => (401, "Not signed in"),
            Self::Forbidden => (403, "Not allowed"),
            Self::Denied => (403, "Denied by a rule"),
            Self::SelfReview => (403, "Nobody reviews their own request"),
            Self::Excluded => (403, "Nobody reviews what they had a hand in"),
            Self::NotFound => (404, "Not found"),
            Self::MethodNotAllowed => (405, "Not by this method"),
            Self::Conflict => (409, "Too late"),
            Self::Lapsed => (409, "An approval does not count any more"),
            Self::DigestMismatch => (409, "Not what was shown"),
            Self::IdempotencyMismatch => (409, "The idempotency key was used for something else"),
            Self::Stale => (412, "Changed since it was seen"),
            Self::TooLarge => (413, "Too large"),
            Self::MediaType => (415, "Not JSON"),
            Self::PreconditionRequired => (428, "Say what was seen"),
            Self::TooMany => (429, "Too many"),
            Self::Internal => (500, "The server failed"),
            Self::Unavailable => (503, "Not available now"),
        }
    }
}
