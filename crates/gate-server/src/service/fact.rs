//! What a client reports, as records and as changes of its request. A report
//! that can't be is recorded for what it is, and is never dropped. It changes nothing,
//! but for an approval that was used up by a run of which these data know nothing.

use gate_protocol::event::{DecidedFact, Fact, RunOutcome};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::log::RecordType;
use gate_protocol::request::ApprovalStatus;
use serde_json::{Map, Value, json};

use super::change::Change;
use super::events::Hashed;
use crate::clock;
use crate::identity::Actor;
use crate::lifecycle::{Event, Happened, Refusal, Transition, apply};
use crate::problem::Failure;
use crate::store::clients::Sequence;
use crate::store::requests::Request;

/// One report about a run.
struct Report<'e> {
    request: RequestId,
    nonce: Nonce,
    event: Event<'static>,
    /// What is known of the end, if it is one.
    outcome: Option<RunOutcome>,
    /// What was said, for the record.
    said: (&'static str, Value),
    source: &'e Value,
}

/// Records one event that came for the first time.
pub(super) async fn record(
    change: &mut Change<'_>,
    actor: &Actor,
    sequence: Sequence,
    hashed: &Hashed<'_>,
) -> Result<(), Failure> {
    let event = hashed.event;
    let source = json!({
        "client": sequence.client,
        "epoch": sequence.epoch,
        "seq": event.seq,
        "hash": hashed.hash,
        "reported_at": event.at,
        "principal": actor.name(),
    });
    let now = change.now();
    let run_lease = change.server().settings.leases.run.as_secs();
    let report = match &event.fact {
        Fact::Decided(decided) => return record_decided(change, decided, &source).await,
        Fact::AllowedFinished(finished) => {
            let said = json!({ "decided": finished.decided, "outcome": finished.outcome });
            let body = with(&source, said);
            let recorded = change.record(&RecordType::AllowFinished, &body).await;
            return recorded.map(drop);
        }
        Fact::RunStarted(started) => Report {
            request: started.request,
            nonce: started.claim_nonce,
            event: Event::Start {
                nonce: started.claim_nonce,
                report_by: clock::after(now, run_lease),
            },
            outcome: None,
            said: ("started", Value::Bool(true)),
            source: &source,
        },
        Fact::RunFinished(finished) => Report {
            request: finished.request,
            nonce: finished.claim_nonce,
            event: Event::Finish {
                nonce: finished.claim_nonce,
            },
            outcome: Some(finished.outcome.clone()),
            said: ("outcome", json!(finished.outcome)),
            source: &source,
        },
        Fact::RunAbandoned(abandoned) => Report {
            request: abandoned.request,
            nonce: abandoned.claim_nonce,
            event: Event::Abandon {
                nonce: abandoned.claim_nonce,
            },
            outcome: Some(not_run(&abandoned.why)),
            said: ("abandoned", json!(abandoned.why)),
            source: &source,
        },
    };
    record_report(change, actor, report).await
}

fn not_run(why: &str) -> RunOutcome {
    RunOutcome {
        exit_code: None,
        signal: None,
        not_run: Some(why.to_owned()),
        duration_ms: 0,
        user_ms: 0,
        system_ms: 0,
        max_rss_bytes: 0,
    }
}

async fn record_decided(
    change: &mut Change<'_>,
    decided: &DecidedFact,
    source: &Value,
) -> Result<(), Failure> {
    let record_type = if decided.decision == "allow" {
        RecordType::AllowRecorded
    } else {
        RecordType::DenyRecorded
    };
    let body = with(source, json!({ "decided": decided }));
    change.record(&record_type, &body).await.map(drop)
}

/// Returns the members of both.
fn with(source: &Value, more: Value) -> Value {
    let mut body: Map<String, Value> = source.as_object().cloned().unwrap_or_default();
    if let Value::Object(more) = more {
        body.extend(more);
    }
    Value::Object(body)
}

async fn record_report(
    change: &mut Change<'_>,
    actor: &Actor,
    report: Report<'_>,
) -> Result<(), Failure> {
    let (name, value) = &report.said;
    let mut body = with(
        report.source,
        json!({ "request": report.request, "claim_nonce": report.nonce }),
    );
    if let Some(members) = body.as_object_mut() {
        members.insert((*name).to_owned(), value.clone());
    }
    let found = change.request(report.request).await?;
    let Some(request) = found.filter(|request| request.state.requester.name == actor.name()) else {
        return misreported(change, body, "no such request of this principal").await;
    };
    match apply(&request.state, &report.event, change.now()) {
        Ok(transition) => advance(change, &request, transition, body, report.outcome).await,
        Err(refusal) => {
            misreported(change, body, &why(refusal)).await?;
            if matches!(report.event, Event::Start { .. } | Event::Finish { .. }) {
                void(change, &request).await?;
            }
            Ok(())
        }
    }
}

/// Ends an approval that nobody has claimed here and whose command its requester ran: the claim was
/// made in data that is gone, as where an older copy came back, so the approval is used up.
async fn void(change: &mut Change<'_>, request: &Request) -> Result<(), Failure> {
    if request.state.status != ApprovalStatus::Approved {
        return Ok(());
    }
    let transition = Transition {
        status: ApprovalStatus::Expired,
        expires_at: request.state.expires_at,
        deadline_at: None,
        happened: Happened::Expired,
    };
    change.advance(request, transition, |_| {}).await?;
    let body = json!({
        "request": request.id,
        "was": ApprovalStatus::Approved.as_str(),
        "why": "a run was reported that was granted elsewhere",
    });
    change.record(&RecordType::RequestExpired, &body).await?;
    Ok(())
}

fn why(refusal: Refusal) -> String {
    refusal.to_string()
}

async fn misreported(change: &mut Change<'_>, body: Value, why: &str) -> Result<(), Failure> {
    let body = with(&body, json!({ "why": why }));
    change.record(&RecordType::RunMisreported, &body).await?;
    Ok(())
}

async fn advance(
    change: &mut Change<'_>,
    request: &Request,
    transition: Transition,
    body: Value,
    outcome: Option<RunOutcome>,
) -> Result<(), Failure> {
    change
        .advance(request, transition, |after| {
            if outcome.is_some() {
                after.outcome = outcome;
            }
        })
        .await?;
    match transition.happened {
        Happened::Started => {
            change.record(&RecordType::RunStarted, &body).await?;
        }
        Happened::Finished => {
            change.record(&RecordType::RunFinished, &body).await?;
        }
        Happened::StartedAndFinished => {
            // The report of the start is lost or late; that it started is certain.
            let inferred = json!({ "request": request.id, "inferred": true });
            change.record(&RecordType::RunStarted, &inferred).await?;
            change.record(&RecordType::RunFinished, &body).await?;
        }
        Happened::Abandoned => {
            change.record(&RecordType::RunAbandoned, &body).await?;
        }
        Happened::OutcomeAfterAll if body.get("abandoned").is_some() => {
            change.record(&RecordType::RunAbandoned, &body).await?;
        }
        Happened::OutcomeAfterAll => {
            let late = with(&body, json!({ "late": true }));
            change.record(&RecordType::RunFinished, &late).await?;
        }
        // No report does any of these; were one to, the record would say so.
        Happened::Nothing
        | Happened::Reviewed
        | Happened::Confirmed
        | Happened::Observed
        | Happened::Reopened
        | Happened::Cancelled
        | Happened::Claimed
        | Happened::ClaimedBefore
        | Happened::Expired
        | Happened::LostTrack => {
            change.record(&RecordType::RunMisreported, &body).await?;
        }
    }
    Ok(())
}
