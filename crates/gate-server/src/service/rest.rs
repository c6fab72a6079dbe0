//! From when on an account counts that one admin alone made or changed, and how a second one
//! confirms it: whoever lets people in must not be able to answer by themselves what is asked
//! meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use gate_protocol::account::{PrincipalChange, PrincipalChanges};
use gate_protocol::log::RecordType;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::problem::ProblemCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Channel;
use super::change::Change;
use super::electorate::voice_of;
use super::hands::{Hands, Proof, Spans, Voice};
use super::seen::Seen;
use crate::identity::Actor;
use crate::lifecycle::{Rest, Rests, names_at};
use crate::problem::Failure;
use crate::settings::Approving;
use crate::state::Server;
use crate::store::edits::{self, OneHanded};
use crate::store::requests::Request;
use crate::store::{Connection, StoreError, principals};

/// How long what one admin did alone counts for nothing, in one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    /// Empty where it does not matter.
    span: SignedDuration,
    asked_at: Timestamp,
    now: Timestamp,
}

impl Resting {
    pub(super) fn new(approving: &Approving, asked_at: Timestamp, now: Timestamp) -> Self {
        let span = SignedDuration::try_from(approving.approver_rest);
        Self {
            span: span.unwrap_or(SignedDuration::MAX),
            asked_at,
            now,
        }
    }

    /// Returns what of an account does not count yet in what it answers. Of an answer that was given
    /// before it is what was there then, but for its places in groups: those are of now.
    pub(super) async fn of(
        self,
        connection: &mut Connection,
        voice: &Voice,
        trusted: &BTreeSet<String>,
    ) -> Result<Rests, StoreError> {
        let mut rests = Rests::default();
        if self.span.is_zero() {
            return Ok(rests);
        }
        let judged_at = voice.at.unwrap_or(self.now);
        let parent = match &voice.proof {
            Proof::Token(token) => edits::parent_of(connection, token).await?,
            Proof::SignIn | Proof::Chat | Proof::None => None,
        };
        let since = self.asked_at.min(self.before(judged_at));
        let found = edits::one_handed(connection, Some(&voice.name), since).await?;
        for edit in found.iter().filter(|edit| !trusted.contains(&edit.editor)) {
            let Some(rest) = self.rest(edit, judged_at) else {
                continue;
            };
            if is_of_account(edit) || is_of_proof(edit, &voice.proof, parent.as_deref()) {
                if edit.at <= judged_at {
                    rests.add(rest);
                }
            } else if edit.what == "changed" {
                for group in edit.gained.iter().flatten() {
                    rests.add_group(group.clone(), rest);
                }
            }
        }
        Ok(rests)
    }

    /// Returns the moment that is one span before another.
    fn before(self, moment: Timestamp) -> Timestamp {
        moment.checked_sub(self.span).unwrap_or(Timestamp::MIN)
    }

    fn rest(self, edit: &OneHanded, judged_at: Timestamp) -> Option<Rest> {
        let rest = Rest {
            until: edit.at.checked_add(self.span).unwrap_or(Timestamp::MAX),
            is_younger: edit.at > self.asked_at,
        };
        (rest.is_younger || judged_at < rest.until).then_some(rest)
    }

    /// Returns what of each account does not count yet, whatever it answers by.
    pub(super) async fn of_all(
        self,
        connection: &mut Connection,
        trusted: &[String],
    ) -> Result<BTreeMap<String, Rests>, StoreError> {
        let mut all: BTreeMap<String, Rests> = BTreeMap::new();
        if self.span.is_zero() {
            return Ok(all);
        }
        let since = self.asked_at.min(self.before(self.now));
        let found = edits::one_handed(connection, None, since).await?;
        for edit in found.iter().filter(|edit| !trusted.contains(&edit.editor)) {
            let Some(rest) = self.rest(edit, self.now) else {
                continue;
            };
            let rests = all.entry(edit.principal.clone()).or_default();
            if is_of_account(edit) {
                rests.add(rest);
            } else if edit.what == "changed" {
                for group in edit.gained.iter().flatten() {
                    rests.add_group(group.clone(), rest);
                }
            }
        }
        Ok(all)
    }
}

/// Tells whether a change is one of the account itself. Of an old one it is not known which groups
/// it gave, so it counts as one.
fn is_of_account(edit: &OneHanded) -> bool {
    match edit.what.as_str() {
        "created" | "enabled" => true,
        "changed" => edit.is_another || edit.gained.is_none(),
        _ => false,
    }
}

/// Tells whether a change made that by which somebody answers.
fn is_of_proof(edit: &OneHanded, proof: &Proof, parent: Option<&str>) -> bool {
    let made_token = || edit.what == "token_created";
    let made_sign_in = || matches!(edit.what.as_str(), "password_set" | "linked");
    match proof {
        Proof::Token(token) => {
            let made = edit.token.as_deref();
            made_token() && (made == Some(token) || (made.is_some() && made == parent))
        }
        Proof::SignIn => made_sign_in(),
        // By which of them the chat was linked is not known here.
        Proof::Chat => made_sign_in() || (made_token() && edit.role.as_deref() == Some("approver")),
        Proof::None => false,
    }
}

impl Server {
    /// Returns who is named by a request and counts in it later only, with from when on.
    pub(crate) async fn counting_later(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<(String, Rest)>, Failure> {
        let approving = &self.settings.approving;
        let resting = Resting::new(approving, request.created_at, now);
        let mut reader = self.store.read().await?;
        let connection = reader.connection();
        let mut later = Vec::new();
        for (name, rests) in resting
            .of_all(connection, &approving.trusted_admins)
            .await?
        {
            let found = principals::find(connection, &name).await?;
            let Some(found) = found.filter(|one| one.kind == PrincipalKind::User && !one.disabled)
            else {
                continue;
            };
            let waited = request.state.waited(now);
            let mut requirements = request.state.requirements.iter();
            let is_named = requirements.any(|one| names_at(one, &name, &found.groups, waited));
            later.extend(rests.last().filter(|_| is_named).map(|rest| (name, rest)));
        }
        Ok(later)
    }

    /// Returns the users of whom somebody changed something lately that nobody has confirmed.
    pub(crate) async fn unconfirmed_users(&self) -> Result<BTreeSet<String>, Failure> {
        let mut reader = self.store.read().await?;
        let since = self.unconfirmed_since(crate::clock::now());
        let Some(since) = since else {
            return Ok(BTreeSet::new());
        };
        let found = edits::one_handed(reader.connection(), None, since).await?;
        let mut users = BTreeSet::new();
        for edit in found {
            let known = principals::find(reader.connection(), &edit.principal).await?;
            if known.is_some_and(|one| one.kind == PrincipalKind::User) {
                users.insert(edit.principal);
            }
        }
        Ok(users)
    }

    /// Returns since when it matters what nobody has confirmed; none where it never does.
    fn unconfirmed_since(&self, now: Timestamp) -> Option<Timestamp> {
        let span = SignedDuration::try_from(self.settings.approving.approver_rest);
        let span = span.unwrap_or(SignedDuration::MAX);
        if span.is_zero() {
            return None;
        }
        // What is asked and open was asked so long ago at most.
        let longest = SignedDuration::try_from(self.settings.floor.max_request_ttl);
        let longest = longest.unwrap_or(SignedDuration::MAX).max(span);
        Some(now.checked_sub(longest).unwrap_or(Timestamp::MIN))
    }

    /// Returns what others changed of an account lately and nobody has confirmed.
    pub(crate) async fn principal_changes(&self, name: &str) -> Result<PrincipalChanges, Failure> {
        let mut reader = self.store.read().await?;
        let now = crate::clock::now();
        self.unconfirmed(reader.connection(), name, now).await
    }

    async fn unconfirmed(
        &self,
        connection: &mut Connection,
        name: &str,
        now: Timestamp,
    ) -> Result<PrincipalChanges, Failure> {
        principals::find(connection, name)
            .await?
            .ok_or_else(Failure::not_found)?;
        let approving = &self.settings.approving;
        let span = Resting::new(approving, now, now).span;
        let mut unconfirmed = Vec::new();
        if let Some(since) = self.unconfirmed_since(now) {
            for edit in edits::one_handed(connection, Some(name), since).await? {
                if approving.trusted_admins.contains(&edit.editor) {
                    continue;
                }
                unconfirmed.push(PrincipalChange {
                    counts_from: edit.at.checked_add(span).unwrap_or(Timestamp::MAX),
                    what: edit.what,
                    by: edit.editor,
                    at: edit.at,
                    token: edit.token,
                    groups: edit.gained.unwrap_or_default(),
                });
            }
        }
        Ok(PrincipalChanges {
            name: name.to_owned(),
            unconfirmed,
        })
    }

    /// Confirms as a second admin what others changed of an account: it counts from then on.
    pub(crate) async fn confirm_principal(
        &self,
        actor: &Actor,
        channel: Channel,
        name: &str,
        seen: &Seen,
    ) -> Result<PrincipalChanges, Failure> {
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let now = change.now();
        let before = self.unconfirmed(change.connection(), name, now).await?;
        seen.hold(&before)?;
        if before.unconfirmed.is_empty() {
            return Ok(before);
        }
        let editors: BTreeSet<&String> = before.unconfirmed.iter().map(|one| &one.by).collect();
        let others = change.second_to(actor, channel, name).await?;
        for editor in editors {
            if others.is_one_with(&mut change, editor).await? {
                let detail = format!(
                    "you are not a second person: `{editor}` changed it, or could act as you, or \
                     you as them, or the account is your own; another admin can confirm it"
                );
                return Err(Failure::new(ProblemCode::Excluded, detail));
            }
            let changed = (name, editor.as_str());
            edits::confirm(change.connection(), changed, actor.name(), now).await?;
        }
        let body = json!({
            "name": name,
            "confirmed": before.unconfirmed,
            "by": actor.name(),
            "channel": channel.as_str(),
        });
        change
            .record(&RecordType::PrincipalConfirmed, &body)
            .await?;
        let after = self.unconfirmed(change.connection(), name, now).await?;
        change.commit().await?;
        Ok(after)
    }
}

/// Everybody whose word one admin's may be.
#[derive(Debug)]
pub(crate) struct Second {
    hands: Spans,
    trusted: BTreeSet<String>,
    kin: BTreeSet<String>,
}

impl Second {
    /// Tells whether somebody could speak as both of them.
    pub(crate) async fn is_one_with(
        &self,
        change: &mut Change<'_>,
        other: &str,
    ) -> Result<bool, Failure> {
        // By whatever they sign in with, however long ago it was made.
        let voice = Voice {
            name: other.to_owned(),
            proof: Proof::Chat,
            at: None,
        };
        let kin = kin(change.connection(), self.hands, &voice, &self.trusted).await?;
        Ok(!kin.is_disjoint(&self.kin))
    }
}

impl Change<'_> {
    /// Returns whose word an admin's may be who confirms something about `about`, which counts as
    /// somebody whose word it must not be.
    pub(super) async fn second_to(
        &mut self,
        actor: &Actor,
        channel: Channel,
        about: &str,
    ) -> Result<Second, Failure> {
        let second = self.second(actor, channel).await?;
        let of_account = edits::person_of(self.connection(), about).await?;
        if second.kin.contains(&of_account) || about == actor.name() {
            let detail = "nobody confirms their own account; another admin can";
            return Err(Failure::new(ProblemCode::Excluded, detail));
        }
        Ok(second)
    }

    /// Returns whose word an admin's may be.
    pub(crate) async fn second(
        &mut self,
        actor: &Actor,
        channel: Channel,
    ) -> Result<Second, Failure> {
        let approving = &self.server().settings.approving;
        let hands = Spans::at(self.now(), approving);
        let trusted: BTreeSet<String> = approving.trusted_admins.iter().cloned().collect();
        let voice = voice_of(actor, channel);
        let kin = kin(self.connection(), hands, &voice, &trusted).await?;
        Ok(Second {
            hands,
            trusted,
            kin,
        })
    }
}

impl Change<'_> {
    /// Tells whether the settings trust an admin with what one alone may not do: the account, and
    /// whoever made that by which it acts here.
    pub(crate) async fn is_trusted(
        &mut self,
        actor: &Actor,
        channel: Channel,
    ) -> Result<bool, Failure> {
        let trusted = &self.server().settings.approving.trusted_admins;
        if !trusted.iter().any(|name| name == actor.name()) {
            return Ok(false);
        }
        let connection = self.connection();
        let makers = match voice_of(actor, channel).proof {
            Proof::Token(token) => edits::makers_of_token(connection, &token).await?,
            Proof::SignIn => edits::makers_of_sign_in(connection, actor.name(), false).await?,
            Proof::Chat | Proof::None => return Ok(false),
        };
        for maker in makers {
            let is_known = principals::find(self.connection(), &maker.editor).await?;
            let is_vouched = maker.editor == actor.name()
                || is_known.is_none()
                || trusted.contains(&maker.editor);
            if !is_vouched {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns everybody whose account one is or lately was, and who could act as it.
async fn kin(
    connection: &mut Connection,
    spans: Spans,
    voice: &Voice,
    trusted: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    let mut hands = Hands::of(spans);
    let mut kin = hands.persons_of(connection, &voice.name).await?;
    for known in hands.in_voice(connection, voice).await? {
        if known.acts_as_account() && !known.is_by(trusted) {
            kin.extend(known.persons);
        }
    }
    Ok(kin)
}
