//! Who has a say in a request, from what the tables say now: this is where each
//! exclusion is found. What it means is the lifecycle's.

use gate_protocol::log::RecordType;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::{ApprovalStatus, Requester};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::change::{Change, What};
use crate::identity::Actor;
use crate::lifecycle::{Electorate, Event, Exclusion, Happened, Transition, Void, Voter, apply};
use crate::problem::Failure;
use crate::settings::{Approving, ServerMode};
use crate::state::Server;
use crate::store::edits::{self, RuleEditor};
use crate::store::requests::{self, Request};
use crate::store::{Connection, StoreError, principals};

/// What there is to have a say in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) requester: &'a Requester,
    /// The token that it was asked with.
    pub(crate) token: Option<&'a str>,
    /// The rules that ask, by id.
    pub(crate) rules: &'a [String],
    /// The tool's name.
    pub(crate) tool: Option<&'a str>,
}

impl<'a> Case<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        Self {
            requester: &request.state.requester,
            token: request.token.as_deref(),
            rules: &request.terms.rules,
            tool: Some(&request.invocation.tool.name),
        }
    }
}

/// Returns who has no say in `case`, and which of `names` are accounts that may act.
pub(crate) async fn electorate(
    connection: &mut Connection,
    approving: &Approving,
    case: Case<'_>,
    (names, now): (&[String], Timestamp),
) -> Result<Electorate, StoreError> {
    let mut electorate = Electorate::default();
    for (name, why) in involved(connection, approving, case, now).await? {
        let person = edits::person_of(connection, &name).await?;
        electorate.exclude(person, why);
    }
    for name in names {
        if let Some(since) = since(now, approving.agent_editor) {
            let hands = edits::editors_of(connection, name, since).await?;
            exclude_puppet(connection, &mut electorate, name, &hands).await?;
        }
        let principal = principals::find(connection, name).await?;
        let may_act = principal.filter(|one| !one.disabled && one.kind == PrincipalKind::User);
        if let Some(principal) = may_act {
            let voter = Voter {
                person: edits::person_of(connection, name).await?,
                groups: principal.groups,
            };
            electorate.admit(principal.name, voter);
        }
    }
    Ok(electorate)
}

/// Takes the say of an account away where one of those who had a `hand` in it asked, or
/// owns who asked: they could answer as it.
async fn exclude_puppet(
    connection: &mut Connection,
    electorate: &mut Electorate,
    name: &str,
    hands: &[String],
) -> Result<(), StoreError> {
    for hand in hands.iter().filter(|hand| *hand != name) {
        let person = edits::person_of(connection, hand).await?;
        if let Some(Exclusion::Asked | Exclusion::Owns) = electorate.exclusion(&person) {
            let puppet = edits::person_of(connection, name).await?;
            electorate.exclude(puppet, Exclusion::MadeByAsker);
        }
    }
    Ok(())
}

/// Returns the accounts that have no say, each with the reason.
async fn involved(
    connection: &mut Connection,
    approving: &Approving,
    case: Case<'_>,
    now: Timestamp,
) -> Result<Vec<(String, Exclusion)>, StoreError> {
    let requester = case.requester;
    let mut involved = vec![(requester.name.clone(), Exclusion::Asked)];
    // The owner of then and the owner of now: to hand an agent on gives nobody a say.
    let today = principals::find(connection, &requester.name).await?;
    let owners = [requester.owner.clone(), today.and_then(|one| one.owner)];
    let owners = owners.into_iter().flatten();
    involved.extend(owners.map(|owner| (owner, Exclusion::Owns)));
    let mut add = |names: Vec<String>, why| {
        involved.extend(names.into_iter().map(|name| (name, why)));
    };
    add(
        edits::makers_of(connection, requester).await?,
        Exclusion::MadeRequester,
    );
    if let Some(token) = case.token {
        let makers = edits::makers_of_token(connection, token).await?;
        add(makers, Exclusion::MadeToken);
    }
    if let Some(since) = since(now, approving.agent_editor) {
        let editors = edits::editors_of(connection, &requester.name, since).await?;
        add(editors, Exclusion::EditedRequester);
    }
    if let Some(since) = since(now, approving.rule_editor) {
        let editors = edits::rule_editors(connection, since).await?;
        let of_this = editors.into_iter().filter(|one| is_about(one, case));
        add(
            of_this.map(|one| one.editor).collect(),
            Exclusion::EditedRule,
        );
    }
    Ok(involved)
}

/// Returns when a span that ends now began; none where it is empty.
fn since(now: Timestamp, span: std::time::Duration) -> Option<Timestamp> {
    if span.is_zero() {
        return None;
    }
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    Some(now.checked_sub(span).unwrap_or(Timestamp::MIN))
}

/// Tells whether a change of a rule bears on the case: it is one of the rules
/// that ask, or it was about the tool before it was changed or taken away, so
/// that without the change it might ask.
fn is_about(editor: &RuleEditor, case: Case<'_>) -> bool {
    let edit = &editor.edit;
    let is_named = match &edit.rule {
        None => true,
        Some(id) => case.rules.contains(id),
    };
    let covers = |pattern: &String| {
        pattern.contains(['*', '?']) || case.tool.is_none_or(|tool| tool == pattern)
    };
    is_named
        || edit
            .tools
            .as_ref()
            .is_none_or(|tools| tools.iter().any(covers))
}

impl Change<'_> {
    /// Returns who has a say in a request; of `reviewer` and those who reviewed,
    /// which may act.
    pub(crate) async fn electorate_of(&mut self, request: &Request) -> Result<Electorate, Failure> {
        let reviews = request.state.reviews.iter();
        let names: Vec<String> = reviews.map(|one| one.review.reviewer.clone()).collect();
        self.electorate_for(Case::of(request), &names).await
    }

    /// Returns who has a say in a request where `actor` is about to answer it.
    pub(crate) async fn electorate_with(
        &mut self,
        request: &Request,
        actor: &Actor,
    ) -> Result<Electorate, Failure> {
        let reviews = request.state.reviews.iter();
        let names = reviews.map(|one| one.review.reviewer.clone());
        let names: Vec<String> = names.chain([actor.name().to_owned()]).collect();
        let mut electorate = self.electorate_for(Case::of(request), &names).await?;
        if let Some(token) = &actor.token {
            // However long ago that was: whoever made it may have kept it.
            let makers = edits::makers_of_token(self.connection(), token).await?;
            exclude_puppet(self.connection(), &mut electorate, actor.name(), &makers).await?;
        }
        Ok(electorate)
    }

    /// Returns who has no say in `case`, and which of `names` may act.
    pub(crate) async fn electorate_for(
        &mut self,
        case: Case<'_>,
        names: &[String],
    ) -> Result<Electorate, Failure> {
        let approving = self.server().settings.approving.clone();
        let now = self.now();
        Ok(electorate(self.connection(), &approving, case, (names, now)).await?)
    }

    /// Counts again what people said of a request that is open: an approval that
    /// does not count any more is void from now on, whatever comes later.
    pub(crate) async fn recount(
        &mut self,
        request: Request,
    ) -> Result<(Request, Electorate), Failure> {
        let electorate = self.electorate_of(&request).await?;
        let voided = match request.state.status {
            ApprovalStatus::Pending | ApprovalStatus::Approved => {
                request.state.voided(&electorate, self.now())
            }
            ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => return Ok((request, electorate)),
        };
        let request = self.void(request, voided, &electorate).await?;
        Ok((request, electorate))
    }

    /// Makes approvals void, and has the request wait for people again where
    /// the rest does not suffice.
    pub(crate) async fn void(
        &mut self,
        request: Request,
        voided: Vec<(String, Void)>,
        electorate: &Electorate,
    ) -> Result<Request, Failure> {
        let mut with = request.state.clone();
        for answered in &mut with.reviews {
            let why = voided
                .iter()
                .find(|(name, _)| *name == answered.review.reviewer);
            if let Some((_, why)) = why.filter(|_| answered.is_yes()) {
                answered.review.void = Some(why.words());
                requests::put_review(self.connection(), request.id, answered).await?;
            }
        }
        let is_observing = self.server().settings.approving.mode == ServerMode::Observe;
        let event = Event::Recount {
            electorate,
            is_observing,
        };
        let transition = apply(&with, &event, self.now())?;
        if voided.is_empty() && transition.happened == Happened::Nothing {
            return Ok(request);
        }
        let was = request.state.status;
        let after = self
            .advance(&request, transition, |after| {
                after.state.reviews = with.reviews;
                after.particulars.observed &= transition.happened == Happened::Nothing;
                after.state.is_observed = after.particulars.observed;
            })
            .await?;
        self.record_voided(&after, transition, &voided).await?;
        if transition.happened == Happened::Expired {
            let body = json!({ "request": after.id, "was": was.as_str() });
            self.record(&RecordType::RequestExpired, &body).await?;
        }
        self.note(after.id, What::Reopened).await?;
        Ok(after)
    }

    async fn record_voided(
        &mut self,
        request: &Request,
        transition: Transition,
        voided: &[(String, Void)],
    ) -> Result<(), Failure> {
        // That its time is over too is the next record.
        let status = match transition.status {
            ApprovalStatus::Approved => ApprovalStatus::Approved,
            ApprovalStatus::Pending
            | ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => ApprovalStatus::Pending,
        };
        let status = status.as_str();
        for (reviewer, why) in voided {
            let why = why.words();
            let body = json!({ "request": request.id, "reviewer": reviewer, "why": why, "status": status });
            self.record(&RecordType::DecisionVoided, &body).await?;
        }
        if voided.is_empty() {
            let why = "the server does not only observe any more";
            let body = json!({ "request": request.id, "why": why, "status": status });
            self.record(&RecordType::DecisionVoided, &body).await?;
        }
        Ok(())
    }

    /// Counts again each open request that an account has approved: for when it
    /// was disabled, or is in other groups now.
    pub(crate) async fn recount_votes_of(&mut self, name: &str) -> Result<(), Failure> {
        for id in requests::approved_by(self.connection(), name).await? {
            if let Some(request) = self.request(id).await? {
                self.recount(request).await?;
            }
        }
        Ok(())
    }
}

/// What one person's say in a request depends on.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    pub(crate) person: String,
    pub(crate) electorate: Electorate,
}

impl Server {
    /// Returns what this actor's say in a request depends on: for a page that
    /// shows no button in vain. The answer itself is judged anew.
    pub(crate) async fn say_of(
        &self,
        actor: &Actor,
        request: &Request,
        now: Timestamp,
    ) -> Result<Say, Failure> {
        let mut reader = self.store.read().await?;
        let (approving, case) = (&self.settings.approving, Case::of(request));
        let names = [actor.name().to_owned()];
        let electorate = electorate(reader.connection(), approving, case, (&names, now)).await?;
        let person = edits::person_of(reader.connection(), actor.name()).await?;
        Ok(Say { person, electorate })
    }
}
