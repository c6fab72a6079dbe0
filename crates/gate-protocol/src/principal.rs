//! Who acts: principals, their roles and their tokens.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::page::Cursor;

/// How long a token may live, in seconds: from a minute to a year.
pub const TOKEN_TTL_SECONDS: RangeInclusive<u64> = 60..=31_536_000;

/// Tells whether `name` can name a principal or a group. It has one spelling,
/// and stands for itself as one part of a path.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_allowed =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'@' | b'+' | b'-');
    (1..=128).contains(&name.len()) && name.bytes().all(is_allowed) && !matches!(name, "." | "..")
}

/// What kind of actor a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program that acts for a person, who owns it.
    Agent,
    /// A CI job or a service account.
    Workload,
}

impl PrincipalKind {
    /// Every kind, in the order of this list.
    pub const ALL: &[Self] = &[Self::User, Self::Agent, Self::Workload];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Workload => "workload",
        }
    }
}

/// What a token may be used for. Each token has exactly one, so that a
/// requester's token can never review, whatever else its principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Submits, waits for, cancels and claims its own requests; delivers events.
    Requester,
    /// Sees requests and reviews them. Only a `user` can have it.
    Approver,
    /// Changes rules, principals and tokens. Does not review.
    Admin,
    /// Reads everything, the audit log above all, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role, in the order of this list.
    pub const ALL: &[Self] = &[Self::Requester, Self::Approver, Self::Admin, Self::Auditor];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

/// One principal, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The unique name: 1 to 128 of `[a-z0-9._@+-]`, and neither `.` nor `..`.
    #[schema(pattern = "^(?!\\.{1,2}$)[a-z0-9._@+-]{1,128}$")]
    pub name: String,
    /// What kind of actor it is.
    pub kind: PrincipalKind,
    /// The user who owns an agent or a workload; none for a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The one human whose account a user is, where that is not the user's own
    /// name; none for an agent and a workload, behind whom stands their owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The groups it is in.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether it may act at all.
    #[serde(default)]
    pub disabled: bool,
}

impl Principal {
    /// Returns the name of the human whose account a user is: several users can
    /// be one person, who then counts once and never reviews what is their own.
    #[must_use]
    pub fn person(&self) -> &str {
        self.person.as_deref().unwrap_or(&self.name)
    }
}

/// The answer of `GET /v1/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Whoami {
    /// Who the token speaks for.
    pub principal: Principal,
    /// What the token may be used for.
    pub role: Role,
    /// When the token ends; none where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// The body of `POST /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// Whose token it will be.
    #[schema(pattern = "^(?!\\.{1,2}$)[a-z0-9._@+-]{1,128}$")]
    pub principal: String,
    /// What it may be used for.
    pub role: Role,
    /// How long it lives, in seconds, from 60 to 31,536,000.
    #[schema(minimum = 60, maximum = 31_536_000)]
    pub ttl_seconds: u64,
    /// The tools that it may be used to ask for; empty: any. Of a requester's
    /// token only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// The answer of `POST /v1/tokens`: the only time that the token itself is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedToken {
    /// Names the token without being it.
    pub id: String,
    /// The token. It is stored hashed and can't be shown again.
    pub token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A token as `GET /v1/tokens` lists it: all that there is to know of it but
/// the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenEntry {
    /// Names the token without being it.
    pub id: String,
    /// Whose token it is.
    pub principal: String,
    /// What it may be used for.
    pub role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends; none where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Who made it; none where that was before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// What it was made for, as `gate login on laptop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The tools that it may be used to ask for; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

impl TokenEntry {
    /// Tells whether the token itself is good at this time; whether its
    /// principal may act is another question.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// The answer of `POST /v1/login-codes`: the only time that the code is shown.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LoginCode {
    /// Signs in whoever opens it first.
    pub url: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One page of principals, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PrincipalPage {
    /// The principals.
    pub principals: Vec<Principal>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One page of tokens, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenPage {
    /// The tokens, none of which shows the token itself.
    pub tokens: Vec<TokenEntry>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_and_leads_nowhere_in_a_path() {
        for good in [
            "alice",
            "ci@build.example",
            "a+b-c_d.9",
            "...",
            &"x".repeat(128),
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "Alice",
            "al ice",
            "al\u{0456}ce",
            "a/b",
            "a:b",
            ".",
            "..",
            &"x".repeat(129),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
