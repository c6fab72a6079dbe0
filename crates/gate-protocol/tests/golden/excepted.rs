//! What is out of the ordinary: standing grants and break-glass.

use std::collections::BTreeMap;

use gate_protocol::break_glass::{BreakGlass, BreakGlassEntry, BreakGlassPage, ReviewBreakGlass};
use gate_protocol::id::StandingGrantId;
use gate_protocol::request::Particulars;
use gate_protocol::standing_grant::{
    ProposeStandingGrant, StandingGrant, StandingGrantPage, StandingGrantStatus, StandingUse,
};

use crate::{asked, at};

fn id() -> StandingGrantId {
    "019b2000-0000-7000-8000-000000000009".parse().unwrap()
}

pub(crate) fn break_glass() -> BreakGlass {
    BreakGlass {
        is_open: false,
        reviewed_by: Some("audrey".to_owned()),
        reviewed_at: Some(at("2026-01-03T09:00:00Z")),
        comment: Some("justified: the site was down".to_owned()),
    }
}

pub(crate) fn review_break_glass() -> ReviewBreakGlass {
    ReviewBreakGlass {
        comment: "justified: the site was down".to_owned(),
    }
}

pub(crate) fn break_glass_entry() -> BreakGlassEntry {
    BreakGlassEntry {
        request: asked::id(),
        requester: "deploy-bot".to_owned(),
        reason: "the site is down".to_owned(),
        approved_by: vec!["bob".to_owned(), "carol".to_owned()],
        used_at: at("2026-01-02T03:10:00Z"),
        break_glass: break_glass(),
    }
}

pub(crate) fn proposal() -> ProposeStandingGrant {
    let grant = standing_grant();
    ProposeStandingGrant {
        rule: grant.rule,
        target: grant.target,
        principal: grant.principal,
        uses: grant.uses,
        ttl_seconds: grant.ttl_seconds,
        reason: grant.reason,
    }
}

pub(crate) fn standing_grant() -> StandingGrant {
    StandingGrant {
        id: id(),
        status: StandingGrantStatus::Active,
        rule: "team/restart".to_owned(),
        target: BTreeMap::from([("namespace".to_owned(), "prod".to_owned())]),
        principal: "deploy-bot".to_owned(),
        uses: 5,
        used: 2,
        ttl_seconds: 3600,
        reason: "rolling out 14".to_owned(),
        requirements: vec![asked::requirement()],
        confirmations: vec![asked::review()],
        proposed_at: at("2026-01-02T03:00:00Z"),
        ends_at: at("2026-01-02T04:05:00Z"),
        revoked_by: Some("alice".to_owned()),
    }
}

pub(crate) fn standing_grants() -> StandingGrantPage {
    StandingGrantPage {
        standing_grants: vec![standing_grant()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn break_glass_page() -> BreakGlassPage {
    BreakGlassPage {
        uses: vec![break_glass_entry()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn standing_use() -> StandingUse {
    StandingUse {
        id: id(),
        number: 2,
        uses: 5,
    }
}

pub(crate) fn particulars() -> Particulars {
    Particulars {
        observed: true,
        break_glass: Some(break_glass()),
        standing_grant: Some(standing_use()),
        warnings: vec!["2 of group:sre must approve, and fewer people can".to_owned()],
    }
}
