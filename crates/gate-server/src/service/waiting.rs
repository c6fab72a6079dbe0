//! What waits for one approver: what their yes would count in, by the same function that will
//! count it.

use std::collections::HashMap;

use gate_protocol::approver::Approver;
use gate_protocol::id::RequestId;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use jiff::Timestamp;

use super::Channel;
use super::electorate::{Case, electorate, voice_of};
use crate::identity::Actor;
use crate::lifecycle::{Electorate, Event, Happened, Refusal, Reviewer, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::edits;
use crate::store::requests::Request;
use crate::store::search::{self, Wanted};

/// How many requests are looked at for one list: whose yes counts is no question that a database
/// answers.
const LOOKED_AT: usize = 500;
/// How many are read at a time, and how much of them, in bytes.
const AT_A_TIME: u64 = 50;
const PART_BYTES: u64 = 1 << 20;

/// What one person's say in a request depends on.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    pub(crate) person: String,
    pub(crate) electorate: Electorate,
}

impl Say {
    /// Tells whether the actor's answer would change something.
    pub(crate) fn counts(
        &self,
        actor: &Actor,
        request: &Request,
        answer: Answer,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let event = Event::Review {
            reviewer: Reviewer {
                name: actor.name(),
                person: &self.person,
                groups: &actor.principal.groups,
            },
            answer,
            digest: request.state.digest,
            electorate: &self.electorate,
        };
        apply(&request.state, &event, now)
            .map(|transition| transition.happened != Happened::Nothing)
    }
}

/// What of a list waits for one approver.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// Newest first.
    pub(crate) requests: Vec<Request>,
    /// Behind which request the rest stands, where not all of it was looked at.
    pub(crate) rest: Option<RequestId>,
}

/// What a list has room for, beside its number and its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// What is on it already.
    known: Vec<RequestId>,
    of_each: HashMap<String, u64>,
    most_of_each: u64,
}

impl Room {
    /// Returns room for whatever comes.
    pub(crate) fn for_all() -> Self {
        Self {
            known: Vec::new(),
            of_each: HashMap::new(),
            most_of_each: u64::MAX,
        }
    }

    /// Returns the room of a list on which these are, where so many of each owner may be among
    /// those that wait for its reader.
    pub(crate) fn beside(yours: &[Request], others: &[Request], most_of_each: u64) -> Self {
        let all = yours.iter().chain(others);
        let mut room = Self {
            known: all.map(|request| request.id).collect(),
            of_each: HashMap::new(),
            most_of_each,
        };
        for request in yours {
            room.take(request);
        }
        room
    }

    fn has_place(&self, request: &Request) -> bool {
        let own = self.of_each.get(owner(request));
        !self.known.contains(&request.id) && own.is_none_or(|own| *own < self.most_of_each)
    }

    fn take(&mut self, request: &Request) {
        *self.of_each.entry(owner(request).to_owned()).or_default() += 1;
    }
}

/// Returns whose request it is, with all of their agents and workloads.
fn owner(request: &Request) -> &str {
    let requester = &request.state.requester;
    requester.owner.as_ref().unwrap_or(&requester.name)
}

/// Returns about how much is stored of a request.
pub(crate) fn size_bytes(request: &Request) -> u64 {
    serde_json::to_vec(&request.invocation).map_or(u64::MAX, |text| text.len() as u64)
}

/// Tells whether a search was refused for those before it.
fn is_of_line(failure: &Failure) -> bool {
    let code = &failure.problem().code;
    *code == ProblemCode::TooMany || *code == ProblemCode::Unavailable
}

/// Returns what a requirement can call the actor.
fn approver_words(actor: &Actor) -> Vec<String> {
    let groups = actor.principal.groups.iter();
    let groups = groups.map(|group| Approver::Group(group.clone()));
    let own = std::iter::once(Approver::User(actor.name().to_owned()));
    own.chain(groups).map(|one| one.to_string()).collect()
}

impl Server {
    /// Returns what this actor's say in a request depends on: for a page that
    /// shows no button in vain. The answer itself is judged anew.
    pub(crate) async fn say_of(
        &self,
        (actor, channel): (&Actor, Channel),
        request: &Request,
        now: Timestamp,
    ) -> Result<Say, Failure> {
        let mut reader = self.store.read().await?;
        let (approving, case) = (&self.settings.approving, Case::of(request));
        let voices = [voice_of(actor, channel)];
        let electorate = electorate(reader.connection(), approving, case, &voices, now).await?;
        let person = edits::person_of(reader.connection(), actor.name()).await?;
        Ok(Say { person, electorate })
    }

    /// Tells whether a request waits for this actor.
    pub(crate) async fn waits_for(
        &self,
        (actor, channel): (&Actor, Channel),
        request: &Request,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let state = &request.state;
        let passed = apply(state, &Event::Pass, now);
        let is_pending = passed.is_ok_and(|passed| passed.status == ApprovalStatus::Pending);
        let groups = &actor.principal.groups;
        // Most of what waits for others is told apart without a look at the tables.
        if actor.role != Role::Approver || !is_pending || !state.names(actor.name(), groups, now) {
            return Ok(false);
        }
        let say = self.say_of((actor, channel), request, now).await?;
        Ok(say.counts(actor, request, Answer::Approve, now) == Ok(true))
    }

    /// Reads on in what is `wanted`, of what waits at all, until as much as its limits waits for
    /// this actor and has room, or enough was looked at; the first always fits. A reader is held
    /// while a part is read, and not while it is judged.
    pub(crate) async fn waiting_for(
        &self,
        (actor, channel): (&Actor, Channel),
        mut wanted: Wanted,
        mut room: Room,
        now: Timestamp,
    ) -> Result<Waiting, Failure> {
        let most = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
        wanted.status = Some(ApprovalStatus::Pending);
        wanted.limit = AT_A_TIME;
        let most_bytes = std::mem::replace(&mut wanted.limit_bytes, PART_BYTES);
        wanted.approvers = approver_words(actor);
        let (mut requests, mut looked_at, mut bytes) = (Vec::new(), 0, 0_u64);
        loop {
            // Held while it is read, and not while it is judged.
            let turn = match self.turn_of(actor, wanted.is_search()).await {
                Ok(turn) => turn,
                // What was found so far is an answer, and the rest is to be asked for.
                Err(failure) if looked_at > 0 && is_of_line(&failure) => {
                    let rest = wanted.before;
                    return Ok(Waiting { requests, rest });
                }
                Err(failure) => return Err(failure),
            };
            let mut reader = self.store.read().await?;
            let part = search::search(reader.connection(), &wanted).await?;
            drop(reader);
            drop(turn);
            looked_at += part.requests.len();
            let last = part.requests.last().map(|last| last.id);
            for request in part.requests {
                let id = request.id;
                let has_place = room.has_place(&request);
                if has_place && self.waits_for((actor, channel), &request, now).await? {
                    room.take(&request);
                    bytes = bytes.saturating_add(size_bytes(&request));
                    requests.push(request);
                }
                if requests.len() >= most || bytes > most_bytes {
                    let is_end = last == Some(id) && !part.has_more;
                    let rest = (!is_end).then_some(id);
                    return Ok(Waiting { requests, rest });
                }
            }
            wanted.before = last;
            if !part.has_more || last.is_none() || looked_at >= LOOKED_AT {
                let rest = last.filter(|_| part.has_more);
                return Ok(Waiting { requests, rest });
            }
        }
    }
}
