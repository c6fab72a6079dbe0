//! Standing grants: for a short time, so many requests of one principal under
//! one rule on one target are approved without asking again.
//!
//! Not to be taken for a grant ([`crate::claim::Grant`]), which is the server's
//! signature for one run: each use of a standing grant leads to one of those.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::StandingGrantId;
use crate::page::Cursor;
use crate::request::Requirement;
use crate::review::Review;

/// How many uses a standing grant can have.
pub const STANDING_USES: RangeInclusive<u32> = 1..=1_000;

/// The body of `POST /v1/standing-grants`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeStandingGrant {
    /// The id of the one rule that asks.
    #[schema(min_length = 1, max_length = 4_000)]
    pub rule: String,
    /// The target, every field of it: a request with one more or one less does not fit.
    pub target: BTreeMap<String, String>,
    /// Whose requests.
    pub principal: String,
    /// How many, from 1 to 1,000; the server may allow fewer.
    #[schema(minimum = 1, maximum = 1_000)]
    pub uses: u32,
    /// How long it holds once it is confirmed, in seconds: from a minute to what the server allows.
    #[schema(minimum = 60)]
    pub ttl_seconds: u64,
    /// Why, for those who confirm it and for the record; not blanks alone.
    #[schema(max_length = 500, pattern = "\\S")]
    pub reason: String,
}

/// Where a standing grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingGrantStatus {
    /// More people must confirm it.
    Proposed,
    /// It approves requests.
    Active,
    /// All uses are used.
    UsedUp,
    /// Its time is over, or not enough people confirmed it in time.
    Ended,
    /// Somebody took it back.
    Revoked,
}

impl StandingGrantStatus {
    /// Every status, in the order of a life.
    pub const ALL: &[Self] = &[
        Self::Proposed,
        Self::Active,
        Self::UsedUp,
        Self::Ended,
        Self::Revoked,
    ];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::UsedUp => "used_up",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }
}

/// One standing grant, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StandingGrant {
    /// Its id.
    pub id: StandingGrantId,
    /// Where it stands.
    pub status: StandingGrantStatus,
    /// The id of the one rule that asks.
    pub rule: String,
    /// The target, every field of it.
    pub target: BTreeMap<String, String>,
    /// Whose requests.
    pub principal: String,
    /// How many of them, at most.
    pub uses: u32,
    /// How many there were.
    pub used: u32,
    /// How long it holds once it is confirmed, in seconds.
    pub ttl_seconds: u64,
    /// Why.
    pub reason: String,
    /// Who must confirm it.
    pub requirements: Vec<Requirement>,
    /// Who did, the one who proposed it first.
    pub confirmations: Vec<Review>,
    /// When it was proposed.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// When it ends: of a proposal, when it can't be confirmed any more.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Who took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

/// One page of standing grants, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StandingGrantPage {
    /// Those that the token may see.
    pub standing_grants: Vec<StandingGrant>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// The one use of a standing grant that approved a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StandingUse {
    /// The standing grant.
    pub id: StandingGrantId,
    /// Which of its uses this is, from 1.
    pub number: u32,
    /// How many there can be.
    pub uses: u32,
}
