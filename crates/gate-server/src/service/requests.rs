//! Looking at requests, waiting for them, taking them back.

use std::time::Duration;

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::page::Cursor;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, RequestPage, Requirement};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Channel, Paging, Room, Waiting, weight};
use crate::clock;
use crate::history::{AsOf, Past, Reading};
use crate::identity::{Actor, AnyRole, Caller};
use crate::lifecycle::{Answered, Event, Happened, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::{self, Listed, Request, Selection};
use crate::store::search::Wanted;
use crate::store::{Connection, StoreError};

/// A page ends once it has this many bytes, so that answers that nobody reads on
/// hold little; the first request always fits.
const PAGE_BYTES: u64 = 1 << 20;
/// The longest wait of one poll.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How long a look at a request waits for it to change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) at_most: Duration,
    /// A version above this one is returned at once.
    pub(crate) after: u64,
}

impl Selection {
    /// Returns what of it needs no search.
    fn of(wanted: Wanted) -> Self {
        Self {
            requester: wanted.requester,
            status: wanted.status,
            digest: wanted.digest,
            before: wanted.before,
            limit: wanted.limit,
            limit_bytes: wanted.limit_bytes,
        }
    }
}

impl Reading for Selection {
    type Found = Listed;

    fn past(&self) -> Past {
        Past::Ended
    }

    async fn read(&self, connection: &mut Connection) -> Result<Listed, StoreError> {
        requests::list(connection, self).await
    }
}

/// Which requests are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) wanted: Wanted,
    /// Only those that wait for an answer of whoever asks.
    pub(crate) waits_for_me: bool,
}

/// A wait that is shorter than this is as long as it was asked for.
const SPREAD_FROM: Duration = Duration::from_secs(10);

/// Shortens a long wait by up to an eighth, each by another part: polls that began
/// together then do not end, and come again, together.
fn spread(wait: Duration) -> Duration {
    if wait < SPREAD_FROM {
        return wait;
    }
    let [.., low, high] = Uuid::now_v7().into_bytes();
    let part = wait * u32::from(u16::from_be_bytes([low, high])) / (8 << 16);
    wait.saturating_sub(part)
}

fn too_many_wait(name: &str, most: u32) -> Failure {
    let detail = format!("{most} polls of `{name}` wait already, and no more may");
    Failure::new(ProblemCode::TooMany, detail).retry_after(5)
}

impl Server {
    /// Returns a request as the API shows it.
    pub(crate) fn view(&self, request: &Request, now: Timestamp) -> ApprovalRequest {
        let state = &request.state;
        let mut may_review = Vec::new();
        if state.status == ApprovalStatus::Pending {
            let waited = state.waited(now);
            let joined = |one: &Requirement| {
                let escalation = one.escalation.as_ref();
                let later = escalation.filter(|later| waited >= later.after_seconds);
                later.map(|later| later.to.clone()).unwrap_or_default()
            };
            let unmet = state.unmet(now, Answered::is_yes);
            let approvers = unmet
                .iter()
                .flat_map(|one| one.approvers.iter().cloned().chain(joined(one)));
            for approver in approvers {
                if !may_review.contains(&approver) {
                    may_review.push(approver);
                }
            }
        }
        ApprovalRequest {
            id: request.id,
            status: state.status,
            version: request.version,
            digest: state.digest,
            requester: state.requester.clone(),
            invocation: request.invocation.clone(),
            circumstances: request.circumstances.clone(),
            terms: request.terms.clone(),
            reason: request.reason.clone(),
            created_at: request.created_at,
            expires_at: state.expires_at,
            expires_in_seconds: clock::seconds_until(now, state.expires_at),
            reviews: state.reviews.iter().map(|a| a.review.clone()).collect(),
            outcome: request.outcome.clone(),
            may_review,
            url: format!("{}/requests/{}", self.settings.public_url, request.id),
            particulars: request.particulars.clone(),
            typed: Vec::new(),
            production: self.production_of(request),
        }
    }

    /// Returns the fields of the target that are production here.
    fn production_of(&self, request: &Request) -> Vec<String> {
        let target = request.invocation.target.iter();
        let known = target.filter(|(field, value)| {
            let known = self.settings.production.knows(field, value);
            known.is_some()
        });
        known.map(|(field, _)| field.clone()).collect()
    }

    /// Returns a request, at once or when it has changed.
    pub(crate) async fn look(
        &self,
        caller: &Caller<AnyRole>,
        id: RequestId,
        wait: Wait,
    ) -> Result<ApprovalRequest, Failure> {
        let deadline = Instant::now() + spread(wait.at_most.min(LONGEST_WAIT));
        let mut waiter = self.waiters.subscribe(id);
        let mut seat = None;
        loop {
            // Asked before the store is read: a stop in between ends the wait.
            let is_last = self.is_stopping() || Instant::now() >= deadline;
            let after = (!is_last).then_some(wait.after);
            // Boxed, and so gone while parked: thousands park at once, and a look is the size of
            // all that it may have to hold.
            if let Some(found) = Box::pin(self.look_once(caller, id, after)).await? {
                return Ok(found);
            }
            if seat.is_none() {
                let (name, most) = (caller.actor.name(), self.settings.limits.rates.waits);
                seat = self.flood.waits.take(name, most);
                if seat.is_none() {
                    return Err(too_many_wait(name, most));
                }
            }
            tokio::select! {
                () = waiter.changed() => {}
                () = self.stopped() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    /// Returns a request where its version is above `after` or it has ended, and in any case where
    /// there is no `after`.
    async fn look_once(
        &self,
        caller: &Caller<AnyRole>,
        id: RequestId,
        after: Option<u64>,
    ) -> Result<Option<ApprovalRequest>, Failure> {
        let mut reader = self.store.look_up().await?;
        // The token may have been revoked while this was parked.
        let actor = caller.still(reader.connection()).await?;
        let glance = requests::glance(reader.connection(), id)
            .await?
            .filter(|glance| actor.sees_requests_of(&glance.requester))
            .ok_or_else(Failure::not_found)?;
        let is_known = after.is_some_and(|after| glance.version <= after);
        if is_known && !glance.status.is_terminal() {
            return Ok(None);
        }
        let request = requests::find(reader.connection(), id)
            .await?
            .ok_or_else(Failure::not_found)?;
        self.view_for(&actor, request).await.map(Some)
    }

    /// Returns a request as the API shows it to one who could approve it: with why that is done
    /// by typing.
    async fn view_for(&self, actor: &Actor, request: Request) -> Result<ApprovalRequest, Failure> {
        let mut view = self.view(&request, clock::now());
        if actor.role != Role::Approver || view.status != ApprovalStatus::Pending {
            return Ok(view);
        }
        let production = self.settings.production.clone();
        // Read aside: a long line takes long.
        let read = tokio::task::spawn_blocking(move || weight(&request, &production));
        let reasons = read.await.map_err(|error| Failure::internal(&error))?;
        view.typed = reasons.into_iter().map(str::to_owned).collect();
        Ok(view)
    }

    /// Returns a page of what the actor may see, newest first; where only what has ended is looked
    /// for, and not whether a command was asked about before, it can be of the standby.
    pub(crate) async fn list(
        &self,
        actor: &Actor,
        listing: Listing,
        paging: &Paging,
    ) -> Result<(RequestPage, Option<AsOf>), Failure> {
        let mut wanted = listing.wanted;
        wanted.requester = (actor.role == Role::Requester).then(|| actor.name().to_owned());
        wanted.before = paging.after_as(|key| key.parse().ok())?;
        wanted.limit = paging.limit();
        wanted.limit_bytes = PAGE_BYTES;
        let now = clock::now();
        if listing.waits_for_me {
            return Ok((self.waiting_page(actor, wanted, now).await?, None));
        }
        let (listed, as_of) = if wanted.is_search() {
            self.search(actor, &wanted).await?
        } else {
            self.selected(&Selection::of(wanted)).await?
        };
        let Listed { requests, has_more } = listed;
        let rest = requests.last().map(|last| last.id).filter(|_| has_more);
        Ok((self.page_of(&requests, rest, now), as_of))
    }

    /// Returns what waits for the actor of what is wanted; it can be a page of nothing, behind
    /// which the list goes on.
    async fn waiting_page(
        &self,
        actor: &Actor,
        wanted: Wanted,
        now: Timestamp,
    ) -> Result<RequestPage, Failure> {
        let is_answered = |status| status != ApprovalStatus::Pending;
        if wanted.status.is_some_and(is_answered) {
            return Err(Failure::bad_request(
                "what waits for you is `pending`: leave `status` out",
            ));
        }
        if actor.role != Role::Approver {
            return Ok(self.page_of(&[], None, now));
        }
        let who = (actor, Channel::Api);
        let Waiting { requests, rest } =
            self.waiting_for(who, wanted, Room::for_all(), now).await?;
        Ok(self.page_of(&requests, rest, now))
    }

    fn page_of(
        &self,
        requests: &[Request],
        rest: Option<RequestId>,
        now: Timestamp,
    ) -> RequestPage {
        let view = |request| self.view(request, now);
        RequestPage {
            requests: requests.iter().map(view).collect(),
            next: rest.map(|last| Cursor::after("requests", &last.to_string())),
        }
    }

    /// Returns a list that no request has to be read for.
    async fn selected(&self, selection: &Selection) -> Result<(Listed, Option<AsOf>), Failure> {
        let has_ended = selection.status.is_some_and(ApprovalStatus::is_terminal);
        if has_ended && selection.digest.is_none() {
            return Ok(self.past(selection).await?);
        }
        let mut reader = self.store.read().await?;
        Ok((selection.read(reader.connection()).await?, None))
    }

    /// Takes a request back.
    pub(crate) async fn cancel(
        &self,
        actor: &Actor,
        id: RequestId,
    ) -> Result<ApprovalRequest, Failure> {
        let mut change = self.change().await?;
        let request = change
            .request(id)
            .await?
            .filter(|request| request.state.requester.name == actor.name())
            .ok_or_else(Failure::not_found)?;
        let transition = match apply(&request.state, &Event::Cancel, change.now()) {
            Ok(transition) => transition,
            Err(refusal) => return change.refuse(refusal).await,
        };
        let now = change.now();
        if transition.happened == Happened::Nothing {
            change.commit().await?;
            return Ok(self.view(&request, now));
        }
        let was = request.state.status.as_str();
        let cancelled = change.advance(&request, transition, |_| {}).await?;
        let body = json!({ "request": id, "by": actor.name(), "was": was });
        change.record(&RecordType::RequestCancelled, &body).await?;
        change.commit().await?;
        Ok(self.view(&cancelled, now))
    }
}
