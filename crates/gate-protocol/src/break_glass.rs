//! Break-glass: the way past the rules' own approvers. Other people are asked,
//! everybody hears of it, and somebody looks at it afterwards.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RequestId;
use crate::page::Cursor;

/// What became of a request that was asked as break-glass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakGlass {
    /// Whether it was used and nobody has reviewed it since.
    #[serde(default)]
    pub is_open: bool,
    /// Who reviewed it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reviewed_at: Option<Timestamp>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The body of `POST /v1/requests/{id}/break-glass-review`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewBreakGlass {
    /// What the reviewer found, 1 to 500 characters, and not blanks alone.
    #[schema(max_length = 500, pattern = "\\S")]
    pub comment: String,
}

/// One use of break-glass, as `GET /v1/break-glass` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakGlassEntry {
    /// The request.
    pub request: RequestId,
    /// Who asked.
    pub requester: String,
    /// Why, in the requester's words: unverified text.
    pub reason: String,
    /// Who approved.
    pub approved_by: Vec<String>,
    /// When it was used.
    #[schema(value_type = String, format = DateTime)]
    pub used_at: Timestamp,
    /// What became of it.
    pub break_glass: BreakGlass,
}

/// One page of uses of break-glass, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakGlassPage {
    /// The uses.
    pub uses: Vec<BreakGlassEntry>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}
