//! A command asks for approval.

use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Requester, SubmitRequest, Terms};
use gate_protocol::review::Answer;
use serde_json::json;

use super::change::Change;
use super::submission;
use crate::clock;
use crate::identity::Actor;
use crate::lifecycle::RequestState;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::{self, Key, Request};

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 200;

/// What became of a submission.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// A person is asked.
    Created(ApprovalRequest),
    /// The same was asked before and still stands.
    Existing(ApprovalRequest),
}

impl Server {
    /// Asks for approval, or returns the request that asks for the same already.
    pub(crate) async fn submit(
        &self,
        actor: &Actor,
        key: &str,
        submission: SubmitRequest,
    ) -> Result<Submitted, Failure> {
        let is_key = |byte: u8| byte.is_ascii_graphic();
        if !(1..=MAX_KEY_BYTES).contains(&key.len()) || !key.bytes().all(is_key) {
            return Err(Failure::bad_request(
                "`Idempotency-Key` must be 1 to 200 visible ASCII characters",
            ));
        }
        submission::validate(&submission)?;
        let body_hash = Digest::of("gate/idempotency/v1", &to_canonical_bytes(&submission)?);
        let mut change = self.change().await?;
        // Not before: rules that come into force meanwhile would not hold for this request.
        let terms = self.with_named_rules(submission.terms.clone()).await?;
        let terms = submission::with_floor(terms, &self.settings.floor);
        let key = Key {
            principal: actor.name(),
            text: key,
            body_hash,
        };
        if let Some((request, is_new)) = keyed(&mut change, &key).await? {
            let view = self.view(&request, change.now());
            change.commit().await?;
            return Ok(Submitted::new(view, is_new));
        }
        let standing = standing(&mut change, actor, &submission, &terms).await?;
        let is_new = standing.is_none();
        let request = match standing {
            Some(request) => request,
            None => create(&mut change, actor, submission, terms).await?,
        };
        let now = change.now();
        requests::remember_key(change.connection(), &key, request.id, now).await?;
        change.commit().await?;
        let view = self.view(&request, now);
        Ok(Submitted::new(view, is_new))
    }
}

impl Submitted {
    fn new(view: ApprovalRequest, is_new: bool) -> Self {
        if is_new {
            Self::Created(view)
        } else {
            Self::Existing(view)
        }
    }
}

/// Returns the request that this very submission led to before, and whether it
/// made it: a retry is answered as the first time.
async fn keyed(change: &mut Change<'_>, key: &Key<'_>) -> Result<Option<(Request, bool)>, Failure> {
    match requests::keyed(change.connection(), key).await? {
        None => Ok(None),
        Some(use_before) if use_before.body_hash != key.body_hash => Err(Failure::new(
            ProblemCode::IdempotencyMismatch,
            "this `Idempotency-Key` came with another body before; use a new one",
        )),
        Some(use_before) => {
            let request = change.request(use_before.request).await?;
            Ok(request.map(|request| (request, use_before.is_first)))
        }
    }
}

/// Returns the request by which the same principal asks for the same already,
/// from the same people and for no longer: pending, or approved and not claimed; or denied a
/// short while ago, so that a denial reaches who asked and left, and nobody is
/// asked again until they are tired. Another reason is another question.
async fn standing(
    change: &mut Change<'_>,
    actor: &Actor,
    submission: &SubmitRequest,
    terms: &Terms,
) -> Result<Option<Request>, Failure> {
    let found =
        requests::standing_for(change.connection(), actor.name(), submission.digest).await?;
    for request in found {
        if !submission::covers(&request.terms, terms) {
            continue;
        }
        // Read again: time may have ended it.
        let Some(request) = change.request(request.id).await? else {
            continue;
        };
        let stands = match request.state.status {
            ApprovalStatus::Pending | ApprovalStatus::Approved => true,
            ApprovalStatus::Denied => {
                request.reason == submission.reason && was_denied_lately(change, &request)
            }
            ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => false,
        };
        if stands {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

fn was_denied_lately(change: &Change<'_>, request: &Request) -> bool {
    let stands_for = change.server().settings.limits.denial_stands.as_secs();
    let reviews = request.state.reviews.iter();
    let mut denials = reviews.filter(|answered| answered.review.answer == Answer::Deny);
    denials.any(|denial| clock::after(denial.review.at, stands_for) > change.now())
}

async fn refuse_too_many(change: &mut Change<'_>, actor: &Actor) -> Result<(), Failure> {
    let now = change.now();
    let limit = change.server().settings.limits.open_requests;
    let open = requests::count_open(change.connection(), actor.name(), now).await?;
    if open < u64::from(limit) {
        return Ok(());
    }
    let detail = format!(
        "{open} requests of `{}` are open, and {limit} may be; \
         have some answered or cancel them",
        actor.name()
    );
    Err(Failure::new(ProblemCode::TooMany, detail).retry_after(30))
}

async fn create(
    change: &mut Change<'_>,
    actor: &Actor,
    submission: SubmitRequest,
    terms: Terms,
) -> Result<Request, Failure> {
    refuse_too_many(change, actor).await?;
    let now = change.now();
    let expires_at = clock::after(now, terms.request_ttl_seconds);
    let request = Request {
        id: RequestId::generate(),
        version: 1,
        circumstances: submission.circumstances,
        reason: submission.reason,
        created_at: now,
        outcome: None,
        claim_answer: None,
        state: RequestState {
            status: ApprovalStatus::Pending,
            requester: Requester {
                name: actor.principal.name.clone(),
                kind: actor.principal.kind,
                owner: actor.principal.owner.clone(),
                person: Some(actor.person.clone()),
            },
            digest: submission.digest,
            runner_key: submission.invocation.runner_key,
            requirements: terms.requirements.clone(),
            permit_ttl_seconds: terms.permit_ttl_seconds,
            reviews: Vec::new(),
            expires_at,
            deadline_at: Some(expires_at),
            claim: None,
            has_outcome: false,
        },
        invocation: submission.invocation,
        terms,
    };
    requests::insert(change.connection(), &request).await?;
    let body = json!({
        "request": request.id,
        "requester": request.state.requester,
        "digest": request.state.digest,
        "invocation": request.invocation,
        "circumstances": request.circumstances,
        "terms": request.terms,
        "reason": request.reason,
        "expires_at": request.state.expires_at,
    });
    change.record(&RecordType::RequestCreated, &body).await?;
    change.touch(request.id);
    Ok(request)
}
