//! A review: one approver's answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::Digest;

/// The longest comment that is accepted, in characters.
pub const COMMENT_LIMIT: usize = 500;

/// What an approver can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may run.
    Approve,
    /// It must not run. Final, whoever else approves.
    Deny,
}

impl Answer {
    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// The body of `POST /v1/requests/{id}/reviews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitReview {
    /// What is answered.
    pub answer: Answer,
    /// The digest of what was shown: an answer is to these bytes, not to a number.
    pub digest: Digest,
    /// A word to the requester, at most 500 characters ([`COMMENT_LIMIT`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub comment: Option<String>,
}

/// One approver's answer, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Review {
    /// Who answered.
    pub reviewer: String,
    /// What was answered.
    pub answer: Answer,
    /// A word to the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where the answer came in, as `api` or `web`.
    pub channel: String,
    /// Why it does not count any more, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}
