//! The one step from an approved request to a grant.

use gate_protocol::claim::{ClaimRequest, Grant, SignedGrant};
use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;
use serde_json::json;

use super::change::Change;
use crate::clock;
use crate::identity::Actor;
use crate::lifecycle::{Claimed, Event, Happened, Refusal, Transition, apply};
use crate::problem::Failure;
use crate::settings::ServerMode;
use crate::state::Server;
use crate::store::requests::Request;
use crate::store::rules;

impl Server {
    /// Returns the grant as the JSON that was stored: the same claim gets the
    /// same bytes. The record of it is durable before this returns.
    pub(crate) async fn claim(
        &self,
        actor: &Actor,
        id: RequestId,
        claim: ClaimRequest,
    ) -> Result<String, Failure> {
        if !claim.is_signed_for(id) {
            return Err(Failure::new(
                ProblemCode::Forbidden,
                "the claim is not signed by its runner key for this request",
            ));
        }
        let mut change = self.change().await?;
        let request = change
            .request(id)
            .await?
            .filter(|request| request.state.requester.name == actor.name())
            .filter(|request| actor.may_ask_for(&request.invocation.tool.name))
            .ok_or_else(Failure::not_found)?;
        if let Some(seen) = &claim.seen {
            change.hold_against(seen, request.created_at).await?;
        }
        let was = request.state.status;
        let (request, panel) = change.recount(request).await?;
        if was == ApprovalStatus::Approved && request.state.status != was {
            return change.refuse(Refusal::Lapsed).await;
        }
        let not_after = clock::after(change.now(), self.settings.leases.grant.as_secs());
        let event = Event::Claim {
            nonce: claim.nonce,
            digest: claim.digest,
            runner_key: claim.runner_key,
            electorate: &panel.electorate,
            is_observing: self.settings.approving.mode == ServerMode::Observe,
            report_by: clock::after(not_after, self.settings.leases.start_report.as_secs()),
        };
        let transition = match apply(&request.state, &event, change.now()) {
            Ok(transition) => transition,
            Err(refusal) => return change.refuse(refusal).await,
        };
        if transition.happened == Happened::ClaimedBefore {
            let answer = request.claim_answer;
            change.commit().await?;
            return answer.ok_or_else(|| Refusal::ClaimedByOther.into());
        }
        let granting = Granting {
            approved_by: request.state.approving(&panel.electorate),
            request: &request,
            claim: &claim,
            transition,
            not_after,
        };
        let answer = grant(&mut change, granting).await?;
        change.commit().await?;
        Ok(answer)
    }
}

/// A claim that is good, and what it makes of the request.
struct Granting<'a> {
    request: &'a Request,
    /// The people whose approvals count.
    approved_by: Vec<String>,
    claim: &'a ClaimRequest,
    transition: Transition,
    /// Until when the grant is good.
    not_after: Timestamp,
}

/// Writes the record, makes the grant with it, and swaps the status: all or nothing.
async fn grant(change: &mut Change<'_>, granting: Granting<'_>) -> Result<String, Failure> {
    let Granting {
        request,
        approved_by,
        claim,
        transition,
        not_after,
    } = granting;
    let policy_version = rules::version(change.connection()).await?;
    let server = change.server().clone();
    let mut body = json!({
        "request": request.id,
        "requester": request.state.requester,
        "digest": claim.digest,
        "runner_key": claim.runner_key,
        "claim_nonce": claim.nonce,
        "policy_version": policy_version,
        "approved_by": approved_by,
        "not_after": not_after,
        "mode": request.circumstances.mode,
    });
    if request.particulars.observed
        && let Some(members) = body.as_object_mut()
    {
        members.insert("observed".to_owned(), json!(true));
    }
    let record = change.record(&RecordType::GrantClaimed, &body).await?;
    let grant = Grant {
        v: 1,
        audience: server.names.audience.clone(),
        request: request.id,
        digest: claim.digest,
        runner_key: claim.runner_key,
        claim_nonce: claim.nonce,
        policy_version,
        approved_by,
        not_after,
        valid_for_seconds: server.settings.leases.grant.as_secs(),
        observed: request.particulars.observed,
    };
    let record = String::from_utf8_lossy(record.bytes()).into_owned();
    let signed = SignedGrant::sign(grant, record, &server.keys.grant)?;
    let answer = serde_json::to_string(&signed).map_err(|error| Failure::internal(&error))?;
    let granted = change
        .advance(request, transition, |after| {
            after.state.claim = Some(Claimed {
                nonce: claim.nonce,
                not_after,
            });
            after.claim_answer = Some(answer.clone());
            if let Some(break_glass) = &mut after.particulars.break_glass {
                break_glass.is_open = true;
            }
        })
        .await?;
    change.note_break_glass(&granted).await?;
    Ok(answer)
}
