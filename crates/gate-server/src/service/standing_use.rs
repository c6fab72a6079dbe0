//! What becomes of a new request before anybody is asked: the server only
//! observes, a standing grant approves it, or people are asked.

use std::collections::BTreeSet;

use gate_protocol::log::RecordType;
use gate_protocol::principal::{Principal, PrincipalKind};
use gate_protocol::request::Requirement;
use gate_protocol::review::{Answer, Review};
use gate_protocol::standing_grant::StandingUse;
use jiff::Timestamp;
use serde_json::json;

use super::Channel;
use super::change::{Change, What};
use super::electorate::{Case, voices};
use super::line::{self, Effects};
use super::rest::Resting;
use crate::lifecycle::{Answered, Electorate, Event, Happened, apply};
use crate::problem::Failure;
use crate::settings::{ServerMode, StandingGrants};
use crate::store::principals;
use crate::store::requests::{self, Request};
use crate::store::standing_grants::{self, Stored};

impl Change<'_> {
    /// Settles what a new request leads to at once, and returns it as it then is.
    pub(super) async fn settle_new(&mut self, request: Request) -> Result<Request, Failure> {
        let approving = &self.server().settings.approving;
        if request.particulars.break_glass.is_some() {
            let body = json!({
                "request": request.id,
                "requester": request.state.requester,
                "reason": request.reason,
                "requirements": request.state.requirements,
            });
            self.record(&RecordType::BreakGlassAsked, &body).await?;
        }
        if approving.mode == ServerMode::Observe {
            return self.observe(&request).await;
        }
        let is_everyday = request.particulars.break_glass.is_none();
        if is_everyday && let Some(approved) = self.approve_by_standing_grant(&request).await? {
            return Ok(approved);
        }
        let request = self.warn(request).await?;
        self.set_timers(&request).await?;
        let what = if is_everyday {
            What::Asked
        } else {
            What::BreakGlassAsked
        };
        self.note(request.id, what).await?;
        Ok(request)
    }

    /// Approves by the mode. The record says so, and the grant will.
    async fn observe(&mut self, request: &Request) -> Result<Request, Failure> {
        let transition = apply(&request.state, &Event::Observe, self.now())?;
        let observed = self
            .advance(request, transition, |after| {
                after.particulars.observed = true;
                after.state.is_observed = true;
            })
            .await?;
        let body = json!({
            "request": request.id,
            "would_ask": request.state.requirements,
            "status": transition.status.as_str(),
        });
        self.record(&RecordType::RequestObserved, &body).await?;
        self.note(request.id, What::ApprovedUnasked).await?;
        Ok(observed)
    }

    /// Has the first standing grant that fits approve it, if one does.
    async fn approve_by_standing_grant(
        &mut self,
        request: &Request,
    ) -> Result<Option<Request>, Failure> {
        let Some(settings) = &self.server().settings.approving.standing_grants else {
            return Ok(None);
        };
        // A grant is for one rule: what another one asks about too is asked.
        let rules: BTreeSet<&String> = request.terms.rules.iter().collect();
        let mut rules = rules.into_iter();
        let (Some(rule), None) = (rules.next(), rules.next()) else {
            return Ok(None);
        };
        let now = self.now();
        let requester = &request.state.requester.name;
        let found = standing_grants::in_force(self.connection(), requester, rule, now).await?;
        if found.is_empty() || is_always_asked(settings, request).await? {
            return Ok(None);
        }
        let fitting = found
            .into_iter()
            .filter(|one| one.target == request.invocation.target);
        for standing in fitting {
            if let Some(approved) = self.use_of(&standing, request).await? {
                return Ok(Some(approved));
            }
        }
        Ok(None)
    }

    /// Uses a standing grant for a request, if those who confirmed it could
    /// approve this very request now.
    async fn use_of(
        &mut self,
        standing: &Stored,
        request: &Request,
    ) -> Result<Option<Request>, Failure> {
        // They answer anew, by what they have now.
        let mut voices = voices(&standing.confirmations);
        for voice in &mut voices {
            voice.at = None;
        }
        let electorate = self.electorate_for(Case::of(request), &voices).await?;
        let now = self.now();
        let answers: Vec<Answered> = standing
            .confirmations
            .iter()
            .map(|one| as_answer(one, now))
            .collect();
        let event = Event::Confirm {
            answers: &answers,
            electorate: &electorate,
        };
        let transition = apply(&request.state, &event, now)?;
        if transition.happened != Happened::Confirmed {
            return Ok(None);
        }
        let Some(number) = standing_grants::take_use(self.connection(), standing.id, now).await?
        else {
            return Ok(None);
        };
        for answered in &answers {
            requests::put_review(self.connection(), request.id, answered).await?;
        }
        let used = StandingUse {
            id: standing.id,
            number,
            uses: standing.uses,
        };
        let approved = self
            .advance(request, transition, |after| {
                after.state.reviews.clone_from(&answers);
                after.particulars.standing_grant = Some(used.clone());
            })
            .await?;
        self.record_use(&approved, &used, &answers).await?;
        self.note(request.id, What::ApprovedUnasked).await?;
        Ok(Some(approved))
    }

    /// Writes the use down, and each confirmation as the review that it stands for.
    async fn record_use(
        &mut self,
        request: &Request,
        used: &StandingUse,
        answers: &[Answered],
    ) -> Result<(), Failure> {
        let body = json!({ "request": request.id, "standing_grant": used });
        self.record(&RecordType::StandingGrantUsed, &body).await?;
        for (index, answered) in answers.iter().enumerate() {
            let is_last = index + 1 == answers.len();
            let body = json!({
                "request": request.id,
                "digest": request.state.digest,
                "reviewer": answered.review.reviewer,
                "person": answered.person,
                "groups": answered.groups,
                "answer": answered.review.answer,
                "channel": answered.review.channel,
                "standing_grant": used.id,
                "status": if is_last { "approved" } else { "pending" },
            });
            self.record(&RecordType::DecisionRecorded, &body).await?;
        }
        Ok(())
    }

    /// Says to whoever asks, and on the page, that too few people can answer, and where the title
    /// is another than the words say.
    async fn warn(&mut self, request: Request) -> Result<Request, Failure> {
        let panel = self.panel_of(&request).await?;
        let eligible = self.eligible(&panel.electorate, request.created_at).await?;
        let last = request.state.answer_by;
        let lacking = request.state.unmet_by(last, &eligible);
        let mut warnings: Vec<String> = lacking.into_iter().map(too_few).collect();
        warnings.extend(differing(&request).await?);
        if warnings.is_empty() {
            return Ok(request);
        }
        let mut warned = request;
        warned.particulars.warnings = warnings;
        requests::put_particulars(self.connection(), &warned).await?;
        Ok(warned)
    }

    /// Returns everybody who has a say, as if they had said yes.
    async fn eligible(
        &mut self,
        electorate: &Electorate,
        asked_at: Timestamp,
    ) -> Result<Vec<Answered>, Failure> {
        let (server, now) = (self.server(), self.now());
        let approving = &server.settings.approving;
        let resting = Resting::new(approving, asked_at, now);
        let resting = resting
            .of_all(self.connection(), &approving.trusted_admins)
            .await?;
        let mut eligible = Vec::new();
        for mut principal in principals::all(self.connection()).await? {
            let rests = resting.get(&principal.name).cloned().unwrap_or_default();
            let is_resting = rests.account.is_some();
            if principal.disabled || principal.kind != PrincipalKind::User || is_resting {
                continue;
            }
            principal
                .groups
                .retain(|group| !rests.groups.contains_key(group));
            let person = principal.person().to_owned();
            if electorate.exclusion(&person).is_none() {
                eligible.push(yes(principal, person, now));
            }
        }
        Ok(eligible)
    }
}

/// Tells whether a command can do something that no standing grant is for, by the client's word
/// or by its own words. Read aside: a long line takes long.
pub(crate) async fn is_always_asked(
    settings: &StandingGrants,
    request: &Request,
) -> Result<bool, Failure> {
    let invocation = request.invocation.clone();
    let effects = tokio::task::spawn_blocking(move || Effects::of(&invocation))
        .await
        .map_err(|error| Failure::internal(&error))?;
    let list = settings.not_for_effects.iter().map(String::as_str);
    Ok(effects.are_among(list))
}

/// Read aside: a long line takes long.
async fn differing(request: &Request) -> Result<Vec<String>, Failure> {
    let invocation = request.invocation.clone();
    let found = tokio::task::spawn_blocking(move || line::differences(&invocation)).await;
    found.map_err(|error| Failure::internal(&error))
}

fn too_few(requirement: &Requirement) -> String {
    let who = if requirement.approvers.is_empty() {
        "anybody".to_owned()
    } else {
        requirement.approvers.join(", ")
    };
    format!(
        "{} of {who} must approve, and fewer people can: who asked, who owns or made the \
         requester, and who changed it or its rule lately have no say, nor has yet whom one \
         admin alone let in",
        requirement.count
    )
}

fn yes(principal: Principal, person: String, at: Timestamp) -> Answered {
    Answered {
        review: Review {
            reviewer: principal.name,
            answer: Answer::Approve,
            comment: None,
            at,
            channel: String::new(),
            void: None,
        },
        person,
        groups: principal.groups,
        token: None,
    }
}

/// Returns a confirmation as the review that it is of one request.
fn as_answer(confirmation: &Answered, at: Timestamp) -> Answered {
    let mut answered = confirmation.clone();
    answered.review.at = at;
    Channel::StandingGrant
        .as_str()
        .clone_into(&mut answered.review.channel);
    answered
}
