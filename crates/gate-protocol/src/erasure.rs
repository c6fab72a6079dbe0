//! What of the audit log is erased: the texts that stand beside its records.

use serde::{Deserialize, Serialize};

use crate::id::RequestId;

/// The longest [`Erase::why`], in characters.
pub const WHY_LIMIT: usize = 500;

/// The body of `POST /v1/audit/erasures`: of a request, or of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Erases what was said of this request, by whoever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// Erases what this person or account said, and where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Why; stays on record. Not blanks alone.
    #[schema(max_length = 500, pattern = "\\S")]
    pub why: String,
}

/// The answer of `POST /v1/audit/erasures`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Erased {
    /// Beside how many records something was erased.
    pub records: u64,
    /// The index of the record that says so; none where nothing was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Beside how many records something is left, because their request has not ended.
    pub open: u64,
    /// Whether there may be more, so that it has to be asked again.
    pub more: bool,
}
