//! Who has a say in a request, from what the tables say now: this is where each
//! exclusion is found. What it means is the lifecycle's.

use std::collections::BTreeSet;

use gate_protocol::log::RecordType;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::{ApprovalStatus, Requester};
use jiff::Timestamp;
use serde_json::json;

use super::Channel;
use super::change::{Change, What};
use super::hands::{Hands, Known, Proof, Spans, Voice};
use super::rest::Resting;
use crate::identity::Actor;
use crate::lifecycle::{
    Answered, Electorate, Event, Exclusion, Happened, Transition, Void, Voter, apply,
};
use crate::problem::Failure;
use crate::settings::{Approving, ServerMode};
use crate::store::edits::{self, Hand, RuleEditor};
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
    /// When it was asked.
    pub(crate) asked_at: Timestamp,
}

impl<'a> Case<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        Self {
            requester: &request.state.requester,
            token: request.token.as_deref(),
            rules: &request.terms.rules,
            tool: Some(&request.invocation.tool.name),
            asked_at: request.created_at,
        }
    }
}

/// Returns who has no say in `case`, and which of `voices` are accounts that may act.
pub(crate) async fn electorate(
    connection: &mut Connection,
    approving: &Approving,
    case: Case<'_>,
    voices: &[Voice],
    now: Timestamp,
) -> Result<Electorate, StoreError> {
    let mut panel = Panel::of(connection, approving, case, now).await?;
    for voice in voices {
        panel.hear(connection, voice).await?;
    }
    Ok(panel.electorate)
}

/// Who has a say, and all that the next answer is held against: found once, whoever answers.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) electorate: Electorate,
    hands: Hands,
    /// Who has no say by themselves.
    involved: Electorate,
    /// Whose hands in accounts the settings vouch for.
    trusted: BTreeSet<String>,
    resting: Resting,
}

impl Panel {
    async fn of(
        connection: &mut Connection,
        approving: &Approving,
        case: Case<'_>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let spans = Spans::at(now, approving);
        let mut hands = Hands::of(spans);
        let mut involved = Electorate::default();
        let found = self::involved(connection, case, spans).await?;
        for (hand, why) in &found {
            for person in hands.persons_of_hand(connection, hand).await? {
                involved.exclude(person, *why);
            }
        }
        // Who could act as one of these could ask, or change the rule, by that account.
        let accounts: BTreeSet<&String> = found.iter().map(|(hand, _)| &hand.editor).collect();
        for name in accounts {
            let is_asker = *name == case.requester.name;
            let voice = Voice {
                name: name.clone(),
                proof: match case.token {
                    Some(token) if is_asker => Proof::Token(token.to_owned()),
                    Some(_) | None => Proof::None,
                },
                at: None,
            };
            for behind in hands.in_voice(connection, &voice).await? {
                if behind.acts_as_account() {
                    for person in behind.persons {
                        involved.exclude(person, Exclusion::BehindThem);
                    }
                }
            }
        }
        // By the account and not by whose it is: another admin can say of any that it is theirs.
        let trusted = approving.trusted_admins.iter().cloned().collect();
        Ok(Self {
            electorate: involved.clone(),
            hands,
            involved,
            trusted,
            resting: Resting::new(approving, case.asked_at, now),
        })
    }

    /// Takes one more into account who answered, or is about to.
    pub(crate) async fn hear(
        &mut self,
        connection: &mut Connection,
        voice: &Voice,
    ) -> Result<(), StoreError> {
        let person = edits::person_of(connection, &voice.name).await?;
        let selves = self.hands.persons_of(connection, &voice.name).await?;
        let known = self.hands.in_voice(connection, voice).await?;
        let is_trusted = self.trusted.contains(&voice.name);
        let raised = !is_trusted
            && self
                .hands
                .raised_itself(connection, &voice.name, &selves)
                .await?;
        let raised = raised.then_some(Exclusion::RaisedThemselves);
        if let Some(why) = self.why_none(&selves, &known).or(raised) {
            self.electorate.exclude(person.clone(), why);
        }
        let principal = principals::find(connection, &voice.name).await?;
        let may_act = principal.filter(|one| !one.disabled && one.kind == PrincipalKind::User);
        if let Some(principal) = may_act {
            let rests = self.resting.of(connection, voice, &self.trusted).await?;
            let voter = Voter {
                person,
                groups: principal.groups,
                rests,
                kin: self.kin(selves, &known),
            };
            self.electorate.admit(principal.name, voter);
        }
        Ok(())
    }

    fn trusts(&self, known: &Known) -> bool {
        known.is_by(&self.trusted)
    }

    /// Returns why somebody has no say: one whom they are or lately were has none, or one who
    /// could act as them.
    fn why_none(&self, selves: &BTreeSet<String>, hands: &[Known]) -> Option<Exclusion> {
        let why = |persons: &BTreeSet<String>| {
            let whys = persons
                .iter()
                .filter_map(|one| self.involved.exclusion(one));
            whys.min()
        };
        let is_puppet = |known: &Known| match why(&known.persons) {
            Some(Exclusion::Asked | Exclusion::Owns) => true,
            Some(
                Exclusion::MadeRequester
                | Exclusion::MadeToken
                | Exclusion::EditedRequester
                | Exclusion::EditedRule
                | Exclusion::BehindThem,
            ) => known.acts_as_account() && !self.trusts(known),
            Some(Exclusion::MadeByAsker | Exclusion::RaisedThemselves) | None => false,
        };
        let by_hand = || {
            hands
                .iter()
                .any(is_puppet)
                .then_some(Exclusion::MadeByAsker)
        };
        why(selves).or_else(by_hand)
    }

    /// Returns everybody whose voice an account may be.
    fn kin(&self, selves: BTreeSet<String>, hands: &[Known]) -> BTreeSet<String> {
        let mut kin = selves;
        let others = hands
            .iter()
            .filter(|known| known.acts_as_account() && !self.trusts(known));
        kin.extend(others.flat_map(|known| known.persons.iter().cloned()));
        kin
    }
}

/// Returns the accounts that have no say, each with the reason.
async fn involved(
    connection: &mut Connection,
    case: Case<'_>,
    spans: Spans,
) -> Result<Vec<(Hand, Exclusion)>, StoreError> {
    let requester = case.requester;
    let account = |editor: String, person: Option<String>| Hand {
        editor,
        person,
        acts: true,
        changes: false,
    };
    let asked = account(requester.name.clone(), None);
    let mut involved = vec![(asked, Exclusion::Asked)];
    // The owner of then and the owner of now: to hand an agent on gives nobody a say.
    let today = principals::find(connection, &requester.name).await?;
    let owners = [requester.owner.clone(), today.and_then(|one| one.owner)];
    let owners = owners.into_iter().flatten();
    involved.extend(owners.map(|owner| (account(owner, None), Exclusion::Owns)));
    let mut add = |hands: Vec<Hand>, why| {
        involved.extend(hands.into_iter().map(|hand| (hand, why)));
    };
    add(
        edits::makers_of(connection, requester).await?,
        Exclusion::MadeRequester,
    );
    if let Some(token) = case.token {
        let makers = edits::makers_of_token(connection, token).await?;
        add(makers, Exclusion::MadeToken);
    }
    if let Some(since) = spans.agents {
        let editors = edits::editors_of(connection, &requester.name, since).await?;
        add(editors, Exclusion::EditedRequester);
    }
    if let Some(since) = spans.rules {
        let editors = edits::rule_editors(connection, since).await?;
        let of_this = editors.into_iter().filter(|one| is_about(one, case));
        // One rule after another, by the same few people.
        let editors: BTreeSet<String> = of_this.map(|one| one.editor).collect();
        add(
            editors.into_iter().map(|one| account(one, None)).collect(),
            Exclusion::EditedRule,
        );
    }
    Ok(involved)
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

/// Returns who answered so, and with which token.
pub(crate) fn voices(answers: &[Answered]) -> Vec<Voice> {
    let voice = |one: &Answered| Voice {
        name: one.review.reviewer.clone(),
        proof: Proof::of(one.token.as_ref(), &one.review.channel),
        at: Some(one.review.at),
    };
    answers.iter().map(voice).collect()
}

/// Returns the actor as one who answers.
pub(crate) fn voice_of(actor: &Actor, channel: Channel) -> Voice {
    Voice {
        name: actor.name().to_owned(),
        proof: Proof::of(actor.token.as_ref(), channel.as_str()),
        at: None,
    }
}

impl Change<'_> {
    /// Returns who has a say in a request; of those who reviewed, which may act.
    pub(crate) async fn panel_of(&mut self, request: &Request) -> Result<Panel, Failure> {
        let server = self.server();
        let (approving, now) = (&server.settings.approving, self.now());
        let connection = self.connection();
        let mut panel = Panel::of(connection, approving, Case::of(request), now).await?;
        for voice in voices(&request.state.reviews) {
            panel.hear(connection, &voice).await?;
        }
        Ok(panel)
    }

    /// Returns who has no say in `case`, and which of `voices` may act.
    pub(crate) async fn electorate_for(
        &mut self,
        case: Case<'_>,
        voices: &[Voice],
    ) -> Result<Electorate, Failure> {
        let server = self.server();
        let (approving, now) = (&server.settings.approving, self.now());
        Ok(electorate(self.connection(), approving, case, voices, now).await?)
    }

    /// Counts again what people said of a request that is open: an approval that
    /// does not count any more is void from now on, whatever comes later.
    pub(crate) async fn recount(&mut self, request: Request) -> Result<(Request, Panel), Failure> {
        let panel = self.panel_of(&request).await?;
        let voided = match request.state.status {
            ApprovalStatus::Pending | ApprovalStatus::Approved => {
                request.state.voided(&panel.electorate, self.now())
            }
            ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => return Ok((request, panel)),
        };
        let request = self.void(request, voided, &panel.electorate).await?;
        Ok((request, panel))
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
        let lacking = if request.particulars.observed {
            "the server does not only observe any more".to_owned()
        } else {
            lacking(&after, electorate, self.now())
        };
        self.record_voided(&after, transition, &voided, &lacking)
            .await?;
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
        lacking: &str,
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
            let body = json!({ "request": request.id, "why": lacking, "status": status });
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

/// Says what those who said yes do not suffice for any more, where no answer is void by itself:
/// they count as fewer people, or for something else.
fn lacking(request: &Request, electorate: &Electorate, now: Timestamp) -> String {
    let lacking = request.state.lacking(electorate, now);
    let each: Vec<String> = lacking
        .into_iter()
        .map(|one| match one.approvers.as_slice() {
            [] => format!("{} of everybody", one.count),
            names => format!("{} of {}", one.count, names.join(", ")),
        })
        .collect();
    format!(
        "those who approved are not {} any more, counted by person and by the groups of now",
        each.join(", nor ")
    )
}

impl Change<'_> {
    /// Makes those approvals of an account void that `falls` says, where nobody has claimed by them.
    pub(crate) async fn void_votes_of(
        &mut self,
        name: &str,
        why: Void,
        falls: impl Fn(&Answered) -> bool,
    ) -> Result<(), Failure> {
        for id in requests::approved_by(self.connection(), name).await? {
            let Some(request) = self.request(id).await? else {
                continue;
            };
            let reviews = request.state.reviews.iter();
            let theirs = reviews.filter(|one| one.is_yes() && one.review.reviewer == name);
            let voided: Vec<(String, Void)> = theirs
                .filter(|one| falls(one))
                .map(|_| (name.to_owned(), why))
                .collect();
            if !voided.is_empty() {
                let panel = self.panel_of(&request).await?;
                self.void(request, voided, &panel.electorate).await?;
            }
        }
        Ok(())
    }
}
