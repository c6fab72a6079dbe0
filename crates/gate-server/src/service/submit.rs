//! A command asks for approval.

use gate_policy::Invocation;
use gate_protocol::break_glass::BreakGlass;
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{
    ApprovalRequest, ApprovalStatus, Particulars, Requester, SubmitRequest, Terms,
};
use gate_protocol::review::Answer;
use serde_json::json;

use super::change::Change;
use super::{line, submission};
use crate::clock;
use crate::identity::Actor;
use crate::lifecycle::RequestState;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::idempotency::{self, Key};
use crate::store::requests::{self, Request};

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
        submission::refuse_another_tool(actor, &submission.invocation)?;
        self.flood
            .admit(actor.name(), &self.settings.approving.flood)?;
        let body_hash = Digest::of("gate/idempotency/v1", &to_canonical_bytes(&submission)?);
        // Before the change, of which all servers make one at a time: it takes its time.
        let read = line::read_bound(&submission.invocation);
        let mut change = self.change().await?;
        // Not before: rules that come into force meanwhile would not hold for this request.
        let terms = self.terms_of(actor, &submission, &read).await?;
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
            // Boxed: it holds the whole request, and most calls find one standing.
            None => Box::pin(create(&mut change, actor, submission, terms)).await?,
        };
        let now = change.now();
        idempotency::remember_key(change.connection(), &key, request.id, now).await?;
        change.commit().await?;
        let view = self.view(&request, now);
        Ok(Submitted::new(view, is_new))
    }

    /// Returns what a submission is held to: what it says, at least what the rules
    /// that it names or that its words bring up say, as they were `read` here, and at least what
    /// the server wants. Break-glass is the one way past the people of all three, to those whom
    /// the server names for it.
    async fn terms_of(
        &self,
        actor: &Actor,
        submission: &SubmitRequest,
        read: &Invocation,
    ) -> Result<Terms, Failure> {
        let terms = self.with_rules_in_force(actor, submission, read).await?;
        let approving = &self.settings.approving;
        let mut terms = submission::with_floor(terms, &self.settings.floor, approving);
        if submission.break_glass {
            terms.requirements = vec![self.break_glass_of(submission)?];
        }
        Ok(terms)
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
    match idempotency::keyed(change.connection(), key).await? {
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
/// from the same people and for no longer: pending, or approved and not claimed; or
/// denied a short while ago, so that a denial reaches who asked and left, and
/// nobody is asked again until they are tired: whatever terms it comes with then,
/// and whatever reason, unless the server says that another one is another question.
async fn standing(
    change: &mut Change<'_>,
    actor: &Actor,
    submission: &SubmitRequest,
    terms: &Terms,
) -> Result<Option<Request>, Failure> {
    let reason_lifts = change.server().settings.approving.flood.reason_lifts;
    let found =
        requests::standing_for(change.connection(), actor.name(), submission.digest).await?;
    for request in found {
        if request.particulars.break_glass.is_some() != submission.break_glass {
            continue;
        }
        // Read again: time may have ended it.
        let Some(request) = change.request(request.id).await? else {
            continue;
        };
        let stands = match request.state.status {
            ApprovalStatus::Pending | ApprovalStatus::Approved => {
                submission::covers(&request.terms, terms)
            }
            ApprovalStatus::Denied => {
                let is_another = reason_lifts && request.reason != submission.reason;
                !is_another && was_denied_lately(change, &request)
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

/// Refuses what was denied to somebody else a short while ago: the digest names
/// the runner, so that is the same machine with another token.
async fn refuse_denied_elsewhere(
    change: &mut Change<'_>,
    submission: &SubmitRequest,
) -> Result<(), Failure> {
    let settings = &change.server().settings;
    let stands_for = settings.limits.denial_stands.as_secs();
    if settings.approving.flood.reason_lifts || submission.break_glass {
        return Ok(());
    }
    let denied_at = requests::last_denial(change.connection(), submission.digest).await?;
    let now = change.now();
    match denied_at.map(|at| clock::after(at, stands_for)) {
        Some(until) if until > now => {
            let seconds = clock::seconds_until(now, until);
            let detail = format!(
                "the same command was denied to another principal of this runner; \
                 it can be asked again in {seconds} s"
            );
            Err(Failure::new(ProblemCode::TooMany, detail).retry_after(seconds))
        }
        Some(_) | None => Ok(()),
    }
}

fn was_denied_lately(change: &Change<'_>, request: &Request) -> bool {
    let stands_for = change.server().settings.limits.denial_stands.as_secs();
    let reviews = request.state.reviews.iter();
    let mut denials = reviews.filter(|answered| answered.review.answer == Answer::Deny);
    denials.any(|denial| clock::after(denial.review.at, stands_for) > change.now())
}

async fn refuse_too_many(change: &mut Change<'_>, actor: &Actor) -> Result<(), Failure> {
    let now = change.now();
    let settings = &change.server().settings;
    let limit = settings.limits.open_requests;
    let limit_of_all = settings.approving.flood.open_requests;
    let open = requests::count_open(change.connection(), actor.name(), now).await?;
    let detail = if open >= u64::from(limit) {
        format!(
            "{open} requests of `{}` are open, and {limit} may be; \
             have some answered or cancel them",
            actor.name()
        )
    } else {
        let open = requests::count_all_open(change.connection(), now).await?;
        if open < u64::from(limit_of_all) {
            return Ok(());
        }
        format!("{open} requests are open, and {limit_of_all} of everybody may be")
    };
    Err(Failure::new(ProblemCode::TooMany, detail).retry_after(30))
}

async fn create(
    change: &mut Change<'_>,
    actor: &Actor,
    submission: SubmitRequest,
    terms: Terms,
) -> Result<Request, Failure> {
    refuse_denied_elsewhere(change, &submission).await?;
    refuse_too_many(change, actor).await?;
    let request = new_request(change, actor, submission, terms);
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
    change.settle_new(request).await
}

fn new_request(
    change: &Change<'_>,
    actor: &Actor,
    submission: SubmitRequest,
    terms: Terms,
) -> Request {
    let now = change.now();
    let expires_at = clock::after(now, terms.request_ttl_seconds);
    Request {
        id: RequestId::generate(),
        version: 1,
        circumstances: submission.circumstances,
        reason: submission.reason,
        created_at: now,
        outcome: None,
        claim_answer: None,
        token: actor.token.clone(),
        particulars: Particulars {
            break_glass: submission.break_glass.then(BreakGlass::default),
            ..Particulars::default()
        },
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
            created_at: now,
            answer_by: expires_at,
            is_observed: false,
            expires_at,
            deadline_at: Some(expires_at),
            claim: None,
            has_outcome: false,
        },
        invocation: submission.invocation,
        terms,
    }
}
