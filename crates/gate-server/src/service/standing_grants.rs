//! Standing grants: proposed by an approver, confirmed by as many as the rule
//! wants, revoked by any of them at once.

use gate_protocol::id::StandingGrantId;
use gate_protocol::log::RecordType;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{REASON_LIMIT, Requester, Requirement, TERM_LIMIT, Terms};
use gate_protocol::review::{Answer, Review};
use gate_protocol::standing_grant::{
    ProposeStandingGrant, StandingGrant, StandingGrantPage, StandingGrantStatus,
};
use jiff::Timestamp;
use serde_json::json;

use super::change::Change;
use super::electorate::{Case, voice_of, voices};
use super::hands::Voice;
use super::{Channel, Paging, submission};
use crate::clock;
use crate::identity::Actor;
use crate::lifecycle::{Answered, Electorate, Exclusion, Refusal, RequestState, Void, names_at};
use crate::problem::Failure;
use crate::settings::StandingGrants;
use crate::state::Server;
use crate::store::standing_grants::{self, Stored};
use crate::store::{edits, principals};

/// The most that can be proposed or in force for one principal.
const MOST_OPEN: u64 = 100;
/// The most fields of a target, and the most characters of each.
const TARGET_LIMIT: usize = 100;

impl Server {
    /// Returns a page of standing grants, newest first: a requester's own,
    /// everybody's to the others.
    pub(crate) async fn standing_grants(
        &self,
        actor: &Actor,
        paging: &Paging,
    ) -> Result<StandingGrantPage, Failure> {
        let own = (actor.role == Role::Requester).then(|| actor.name());
        let (before, probe) = (paging.after(), paging.probe());
        let mut reader = self.store.read().await?;
        let mut found = standing_grants::list(reader.connection(), own, before, probe).await?;
        let next = paging.cut("standing-grants", &mut found, |one| one.id.to_string());
        let now = clock::now();
        let standing_grants = found.into_iter().map(|one| view(one, now)).collect();
        Ok(StandingGrantPage {
            standing_grants,
            next,
        })
    }

    /// Returns a standing grant that the actor may see.
    pub(crate) async fn standing_grant(
        &self,
        actor: &Actor,
        id: StandingGrantId,
    ) -> Result<StandingGrant, Failure> {
        let mut reader = self.store.read().await?;
        let is_seen = |one: &Stored| actor.role != Role::Requester || one.principal == actor.name();
        let found = standing_grants::find(reader.connection(), id).await?;
        let found = found.filter(is_seen).ok_or_else(Failure::not_found)?;
        Ok(view(found, clock::now()))
    }

    /// Proposes a standing grant, and confirms it as the first.
    pub(crate) async fn propose_standing_grant(
        &self,
        actor: &Actor,
        wanted: ProposeStandingGrant,
        channel: Channel,
    ) -> Result<StandingGrant, Failure> {
        let limits = self
            .settings
            .approving
            .standing_grants
            .as_ref()
            .ok_or_else(|| {
                Failure::new(ProblemCode::Forbidden, "this server has no standing grants")
            })?;
        validate(&wanted, limits)?;
        let requirements = self.requirements_of(&wanted.rule).await?;
        let mut change = self.change().await?;
        let now = change.now();
        let open = standing_grants::count_open(change.connection(), &wanted.principal, now).await?;
        if open >= MOST_OPEN {
            let detail = format!("{open} standing grants of this principal are open, the most");
            return Err(Failure::new(ProblemCode::TooMany, detail));
        }
        let known = principals::find(change.connection(), &wanted.principal).await?;
        if known.is_none_or(|principal| principal.disabled) {
            return Err(Failure::bad_request(
                "`principal` must be the name of one that is not disabled",
            ));
        }
        let proposed = Stored {
            id: StandingGrantId::generate(),
            rule: wanted.rule,
            target: wanted.target,
            principal: wanted.principal,
            uses: wanted.uses,
            used: 0,
            ttl_seconds: wanted.ttl_seconds,
            reason: wanted.reason,
            requirements,
            proposed_at: now,
            ends_at: clock::after(now, self.settings.floor.max_request_ttl.as_secs()),
            confirmed_at: None,
            revoked_by: None,
            confirmations: Vec::new(),
        };
        let voter = match change.voter((actor, channel), &proposed).await {
            Ok(voter) => voter,
            Err(refusal) => return change.refuse(refusal).await,
        };
        standing_grants::insert(change.connection(), &proposed).await?;
        let body = json!({ "standing_grant": view(proposed.clone(), now), "by": actor.name() });
        change
            .record(&RecordType::StandingGrantProposed, &body)
            .await?;
        let confirmed = change.confirm(proposed, voter).await?;
        change.commit().await?;
        Ok(view(confirmed, now))
    }

    /// Confirms a standing grant as one more person.
    pub(crate) async fn confirm_standing_grant(
        &self,
        actor: &Actor,
        id: StandingGrantId,
        channel: Channel,
    ) -> Result<StandingGrant, Failure> {
        let mut change = self.change().await?;
        let now = change.now();
        let found = standing_grants::find(change.connection(), id).await?;
        let found = found.ok_or_else(Failure::not_found)?;
        let voter = match change.voter((actor, channel), &found).await {
            Ok(voter) => voter,
            Err(refusal) => return change.refuse(refusal).await,
        };
        let is_known = |one: &Answered| one.review.reviewer == actor.name();
        match found.status(now) {
            // The same word again changes nothing.
            StandingGrantStatus::Proposed | StandingGrantStatus::Active
                if found.confirmations.iter().any(is_known) =>
            {
                return Ok(view(found, now));
            }
            StandingGrantStatus::Proposed => {}
            status @ (StandingGrantStatus::Active
            | StandingGrantStatus::UsedUp
            | StandingGrantStatus::Ended
            | StandingGrantStatus::Revoked) => {
                let detail = format!("the standing grant is {} already", status.as_str());
                return Err(Failure::new(ProblemCode::Conflict, detail));
            }
        }
        let confirmed = change.confirm(found, voter).await?;
        change.commit().await?;
        Ok(view(confirmed, now))
    }

    /// Takes a standing grant back, and what it approved and nobody has claimed.
    /// Whoever may answer or administers may, as its principal's owner may: to say
    /// no needs nobody's leave.
    pub(crate) async fn revoke_standing_grant(
        &self,
        actor: &Actor,
        id: StandingGrantId,
    ) -> Result<StandingGrant, Failure> {
        let mut change = self.change().await?;
        let now = change.now();
        let found = standing_grants::find(change.connection(), id).await?;
        let found = found.ok_or_else(Failure::not_found)?;
        if !matches!(actor.role, Role::Approver | Role::Admin) {
            let owner = principals::find(change.connection(), &found.principal).await?;
            let is_own = found.principal == actor.name()
                || owner.and_then(|one| one.owner).as_deref() == Some(actor.name());
            if !is_own {
                return Err(Failure::not_found());
            }
        }
        change.revoke_grant(id, actor.name()).await?;
        let revoked = standing_grants::find(change.connection(), id).await?;
        change.commit().await?;
        revoked
            .map(|one| view(one, now))
            .ok_or_else(Failure::not_found)
    }

    /// Returns who must confirm a standing grant for a rule: whom the rule asks,
    /// and whom the server asks in any case.
    async fn requirements_of(&self, rule: &str) -> Result<Vec<Requirement>, Failure> {
        let terms = Terms {
            rules: vec![rule.to_owned()],
            reasons: Vec::new(),
            requirements: Vec::new(),
            request_ttl_seconds: 1,
            permit_ttl_seconds: 1,
            remind_seconds: None,
        };
        // Who proposes says why; each use says so for itself.
        let terms = self.with_named_rules(terms, Some("proposed")).await?;
        let settings = &self.settings;
        Ok(submission::with_floor(terms, &settings.floor, &settings.approving).requirements)
    }
}

impl Change<'_> {
    /// Takes a standing grant back, and what it approved and nobody has claimed; nothing where
    /// that was done before.
    pub(super) async fn revoke_grant(
        &mut self,
        id: StandingGrantId,
        by: &str,
    ) -> Result<(), Failure> {
        let now = self.now();
        if standing_grants::revoke(self.connection(), id, by, now).await? {
            let body = json!({ "standing_grant": id, "by": by });
            self.record(&RecordType::StandingGrantRevoked, &body)
                .await?;
            self.take_back_uses(id).await?;
        }
        Ok(())
    }

    /// Returns the actor's confirmation, if they could approve what is granted.
    async fn voter(
        &mut self,
        (actor, channel): (&Actor, Channel),
        standing: &Stored,
    ) -> Result<Answered, Failure> {
        self.refuse_revoked(actor).await?;
        let voice = voice_of(actor, channel);
        let electorate = self.electorate_of_grant(standing, &[voice]).await?;
        let person = edits::person_of(self.connection(), actor.name()).await?;
        let groups = &actor.principal.groups;
        let refusal = match electorate.exclusion(&person) {
            Some(Exclusion::Asked | Exclusion::Owns) => Some(Refusal::SelfReview),
            Some(why) => Some(Refusal::Excluded(why)),
            None => {
                let mut requirements = standing.requirements.iter();
                let is_named = requirements.any(|one| names_at(one, actor.name(), groups, 0));
                let rest = electorate.rest(actor.name(), &standing.requirements, 0);
                (!is_named)
                    .then_some(Refusal::NotAReviewer)
                    .or(rest.map(Refusal::Resting))
            }
        };
        if let Some(refusal) = refusal {
            let body = json!({
                "standing_grant": standing.id,
                "principal": standing.principal,
                "rule": standing.rule,
                "reviewer": actor.name(),
                "channel": channel.as_str(),
                "why": refusal.to_string(),
            });
            self.record(&RecordType::StandingGrantRejected, &body)
                .await?;
            return Err(refusal.into());
        }
        Ok(Answered {
            review: Review {
                reviewer: actor.name().to_owned(),
                answer: Answer::Approve,
                comment: None,
                at: self.now(),
                channel: channel.as_str().to_owned(),
                void: None,
            },
            person,
            groups: electorate.counted_groups(actor.name(), groups),
            token: actor.token.clone(),
        })
    }

    /// Counts a confirmation, and puts the grant in force where it suffices.
    async fn confirm(&mut self, mut standing: Stored, voter: Answered) -> Result<Stored, Failure> {
        let now = self.now();
        standing_grants::confirm(self.connection(), standing.id, &voter).await?;
        let reviewer = voter.review.reviewer.clone();
        standing.confirmations.push(voter);
        let voices = voices(&standing.confirmations);
        let electorate = self.electorate_of_grant(&standing, &voices).await?;
        if RequestState::is_met_by(&standing.requirements, &standing.confirmations, &electorate) {
            standing.ends_at = clock::after(now, standing.ttl_seconds);
            standing.confirmed_at = Some(now);
            let ends_at = standing.ends_at;
            standing_grants::activate(self.connection(), standing.id, now, ends_at).await?;
        }
        let body = json!({
            "standing_grant": standing.id,
            "reviewer": reviewer,
            "status": standing.status(now).as_str(),
            "ends_at": standing.ends_at,
        });
        self.record(&RecordType::StandingGrantConfirmed, &body)
            .await?;
        Ok(standing)
    }

    /// Revokes what a principal was given and what they confirmed: neither comes
    /// back with them.
    pub(crate) async fn revoke_standing_grants_of(
        &mut self,
        by: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let found = standing_grants::of_account(self.connection(), name).await?;
        self.revoke_each(by, found).await
    }

    /// Revokes standing grants, and what they approved and nobody has claimed.
    pub(super) async fn revoke_each(
        &mut self,
        by: &str,
        found: Vec<StandingGrantId>,
    ) -> Result<(), Failure> {
        let now = self.now();
        for id in found {
            if standing_grants::revoke(self.connection(), id, by, now).await? {
                let body = json!({ "standing_grant": id, "by": by });
                self.record(&RecordType::StandingGrantRevoked, &body)
                    .await?;
                self.take_back_uses(id).await?;
            }
        }
        Ok(())
    }

    async fn electorate_of_grant(
        &mut self,
        standing: &Stored,
        voices: &[Voice],
    ) -> Result<Electorate, Failure> {
        let principal = principals::find(self.connection(), &standing.principal)
            .await?
            .ok_or_else(Failure::not_found)?;
        let requester = Requester {
            name: principal.name,
            kind: principal.kind,
            owner: principal.owner,
            person: None,
        };
        let case = Case {
            requester: &requester,
            token: None,
            rules: std::slice::from_ref(&standing.rule),
            tool: None,
            asked_at: standing.proposed_at,
        };
        self.electorate_for(case, voices).await
    }

    /// Makes the approvals void that a grant gave and nobody has claimed.
    async fn take_back_uses(&mut self, id: StandingGrantId) -> Result<(), Failure> {
        for request in standing_grants::unclaimed(self.connection(), id).await? {
            let Some(request) = self.request(request).await? else {
                continue;
            };
            let channel = Channel::StandingGrant.as_str();
            let reviews = request.state.reviews.iter();
            let of_grant = reviews.filter(|one| one.is_yes() && one.review.channel == channel);
            let void = |one: &Answered| (one.review.reviewer.clone(), Void::StandingGrantRevoked);
            let voided = of_grant.map(void).collect();
            let panel = self.panel_of(&request).await?;
            self.void(request, voided, &panel.electorate).await?;
        }
        Ok(())
    }
}

fn validate(wanted: &ProposeStandingGrant, limits: &StandingGrants) -> Result<(), Failure> {
    let (uses, most) = (wanted.uses, limits.max_uses);
    if !(1..=most).contains(&uses) {
        return Err(Failure::bad_request(format!(
            "`uses` is {uses}, and must be from 1 to {most}"
        )));
    }
    let most = limits.max_ttl.as_secs();
    if !(60..=most).contains(&wanted.ttl_seconds) {
        return Err(Failure::bad_request(format!(
            "`ttl_seconds` is {}, and must be from 60 to {most}",
            wanted.ttl_seconds
        )));
    }
    let length = wanted.reason.trim().chars().count();
    if !(1..=REASON_LIMIT).contains(&length) {
        return Err(Failure::bad_request(format!(
            "`reason` must have 1 to {REASON_LIMIT} characters"
        )));
    }
    if !(1..=TERM_LIMIT).contains(&wanted.rule.chars().count()) {
        return Err(Failure::bad_request(format!(
            "`rule` must have 1 to {TERM_LIMIT} characters"
        )));
    }
    let texts = wanted
        .target
        .iter()
        .flat_map(|(field, value)| [field, value]);
    let is_long = |text: &String| text.chars().count() > TERM_LIMIT;
    if wanted.target.len() > TARGET_LIMIT || texts.into_iter().any(is_long) {
        return Err(Failure::bad_request(format!(
            "`target` may have {TARGET_LIMIT} fields of {TERM_LIMIT} characters"
        )));
    }
    Ok(())
}

fn view(stored: Stored, now: Timestamp) -> StandingGrant {
    StandingGrant {
        status: stored.status(now),
        id: stored.id,
        rule: stored.rule,
        target: stored.target,
        principal: stored.principal,
        uses: stored.uses,
        used: stored.used,
        ttl_seconds: stored.ttl_seconds,
        reason: stored.reason,
        requirements: stored.requirements,
        confirmations: stored
            .confirmations
            .into_iter()
            .map(|one| one.review)
            .collect(),
        proposed_at: stored.proposed_at,
        ends_at: stored.ends_at,
        revoked_by: stored.revoked_by,
    }
}
