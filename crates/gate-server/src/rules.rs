//! The rules that the server hands to its clients: versioned, and signed anew
//! often enough that a copy is never long without a fresh signature.

use gate_policy::{Layer, PolicyBuilder};
use gate_protocol::canonical::Digest;
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use gate_protocol::rules::{
    ProposedRules, PutRules, RULES_TEXT_LIMIT_BYTES, RuleBundle, SignedRules,
};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::clock;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::service::{Change, Channel, Seen, changes, loosened};
use crate::state::Server;
use crate::store::edits;
use crate::store::rules::{self, StoredProposal, StoredRules};

impl Server {
    /// Returns the rules in force, or none where no version was ever activated.
    pub(crate) async fn rules(&self) -> Result<Option<SignedRules>, Failure> {
        let mut reader = self.store.read().await?;
        match rules::current(reader.connection()).await? {
            Some(stored) => self.sign_rules(&stored).map(Some),
            None => Ok(None),
        }
    }

    /// Puts a new version in force, if the one in force is the one that its
    /// author has seen. What lets more pass than before waits for a second admin, unless the
    /// settings trust its author.
    pub(crate) async fn put_rules(
        &self,
        actor: &Actor,
        channel: Channel,
        new: PutRules,
        seen: &Seen,
    ) -> Result<Put, Failure> {
        let PutRules {
            text,
            expected_version,
        } = new;
        validate(&text)?;
        if expected_version.is_none() && seen.is_unsaid() {
            return Err(Failure::new(
                ProblemCode::PreconditionRequired,
                "say which rules the new ones take the place of, by `If-Match` or \
                 `expected_version`",
            ));
        }
        let mut change = self.change().await?;
        let version = self.hold_rules(&mut change, expected_version, seen).await?;
        change.refuse_revoked(actor).await?;
        let loosens = change.loosened(&text).await?;
        if !loosens.is_empty() && !change.is_trusted(actor, channel).await? {
            let proposal = change.propose_rules(actor, version, text, loosens).await?;
            change.commit().await?;
            return Ok(Put::Proposed(proposed(proposal)));
        }
        let by = (actor.name(), None);
        let stored = change.activate_rules(by, version + 1, text).await?;
        change.commit().await?;
        self.in_force(&stored).await.map(Put::InForce)
    }

    /// Returns rules that came into force a moment ago.
    async fn in_force(&self, stored: &StoredRules) -> Result<SignedRules, Failure> {
        // They are in force whether or not this server could read them again just now; the next
        // request tries anew, and is refused where it can't.
        if let Err(failure) = self.read_rules_in_force().await {
            tracing::error!(detail = failure.detail(), "the new rules were not read");
        }
        self.sign_rules(stored)
    }

    /// Returns the rules that wait for a second admin, if some do.
    pub(crate) async fn proposed_rules(&self) -> Result<Option<ProposedRules>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(rules::proposal(reader.connection()).await?.map(proposed))
    }

    /// Puts in force as a second admin what another one proposed.
    pub(crate) async fn confirm_rules(
        &self,
        actor: &Actor,
        channel: Channel,
        id: &str,
    ) -> Result<SignedRules, Failure> {
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let found = rules::proposal(change.connection()).await?;
        let found = found
            .filter(|found| found.id == id)
            .ok_or_else(Failure::not_found)?;
        let second = change.second(actor, channel).await?;
        if second.is_one_with(&mut change, &found.by).await? {
            let detail = format!(
                "you are not a second person: `{}` proposed them, and you are or could act as one \
                 another; another admin can confirm them",
                found.by
            );
            return Err(Failure::new(ProblemCode::Excluded, detail));
        }
        let version = rules::version(change.connection()).await?;
        if version != found.base_version {
            let detail = format!(
                "they take the place of version {}, and version {version} is in force; push them \
                 again",
                found.base_version
            );
            return Err(Failure::new(ProblemCode::Conflict, detail));
        }
        let now = change.now();
        rules::end_proposal(change.connection(), id, now).await?;
        let by = (found.by.as_str(), Some(actor.name()));
        let stored = change.activate_rules(by, version + 1, found.text).await?;
        change.commit().await?;
        self.in_force(&stored).await
    }

    /// Takes back rules that wait for a second admin. To say no needs nobody's leave.
    pub(crate) async fn withdraw_rules(&self, actor: &Actor, id: &str) -> Result<(), Failure> {
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let found = rules::proposal(change.connection()).await?;
        let found = found
            .filter(|found| found.id == id)
            .ok_or_else(Failure::not_found)?;
        change
            .withdraw_rules(&found.id, actor.name(), "taken back")
            .await?;
        change.commit().await
    }

    /// Returns the number of the version in force, where it is the one that was seen.
    async fn hold_rules(
        &self,
        change: &mut Change<'_>,
        expected_version: Option<u64>,
        seen: &Seen,
    ) -> Result<u64, Failure> {
        let version = rules::version(change.connection()).await?;
        if let Some(expected_version) = expected_version
            && expected_version != version
        {
            let detail = format!(
                "`expected_version` is {expected_version}, and version {version} is in force; \
                 look at it first"
            );
            return Err(Failure::new(ProblemCode::Conflict, detail));
        }
        if !seen.is_unsaid() {
            let stored = rules::current(change.connection()).await?;
            let stored = stored.ok_or_else(|| {
                Failure::new(ProblemCode::Stale, "no rules are in force to be seen")
            })?;
            seen.hold_tag(&self.sign_rules(&stored)?.etag()?)?;
        }
        Ok(version)
    }

    /// Signs a version as of the beginning of the current half of its life, so
    /// that the same rules have the same bytes, and one tag, for a while.
    fn sign_rules(&self, stored: &StoredRules) -> Result<SignedRules, Failure> {
        let life = self.settings.leases.rules.as_secs();
        let step = i64::try_from((life / 2).max(1)).unwrap_or(i64::MAX);
        let now = clock::now().as_second();
        let turn =
            Timestamp::from_second(now - now.rem_euclid(step)).unwrap_or(stored.activated_at);
        let issued_at = turn.max(stored.activated_at);
        let bundle = RuleBundle {
            audience: self.names.audience.clone(),
            version: stored.version,
            sha256: stored.sha256(),
            text: stored.text.clone(),
            issued_at,
            not_after: clock::after(issued_at, life),
        };
        Ok(SignedRules::sign(bundle, &self.keys.grant)?)
    }
}

impl Change<'_> {
    /// Stores the next version and its record.
    pub(crate) async fn activate_rules(
        &mut self,
        (by, confirmed_by): (&str, Option<&str>),
        version: u64,
        text: String,
    ) -> Result<StoredRules, Failure> {
        let stored = StoredRules {
            version,
            text,
            activated_at: self.now(),
        };
        let before = self.rules_text().await?;
        let after = stored.text.clone();
        let edits = tokio::task::spawn_blocking(move || changes(&before, &after))
            .await
            .map_err(|error| Failure::internal(&error))?;
        rules::insert(self.connection(), &stored, by).await?;
        let now = self.now();
        // Whoever confirmed them has as much of a hand in them.
        for editor in [Some(by), confirmed_by].into_iter().flatten() {
            edits::note_rules(self.connection(), version, &edits, (editor, now)).await?;
        }
        let mut body = json!({ "version": version, "sha256": stored.sha256(), "by": by });
        if let (Some(members), Some(second)) = (body.as_object_mut(), confirmed_by) {
            members.insert("confirmed_by".to_owned(), json!(second));
        }
        self.record(&RecordType::RulesActivated, &body).await?;
        // What waited was made for the rules before.
        if let Some(other) = rules::proposal(self.connection()).await? {
            self.withdraw_rules(&other.id, by, "other rules came into force")
                .await?;
        }
        Ok(stored)
    }

    async fn rules_text(&mut self) -> Result<String, Failure> {
        let before = rules::current(self.connection()).await?;
        Ok(before.map(|stored| stored.text).unwrap_or_default())
    }

    /// Returns what a text loosens against the rules in force.
    async fn loosened(&mut self, text: &str) -> Result<Vec<String>, Failure> {
        let (before, after) = (self.rules_text().await?, text.to_owned());
        let found = tokio::task::spawn_blocking(move || loosened(&before, &after)).await;
        found.map_err(|error| Failure::internal(&error))
    }

    /// Has rules wait for a second admin, in place of those that waited.
    async fn propose_rules(
        &mut self,
        actor: &Actor,
        base_version: u64,
        text: String,
        loosens: Vec<String>,
    ) -> Result<StoredProposal, Failure> {
        if let Some(other) = rules::proposal(self.connection()).await? {
            self.withdraw_rules(&other.id, actor.name(), "others were proposed")
                .await?;
        }
        let proposal = StoredProposal {
            id: Uuid::now_v7().to_string(),
            base_version,
            text,
            loosens,
            by: actor.name().to_owned(),
            at: self.now(),
        };
        rules::propose(self.connection(), &proposal).await?;
        let body = json!({
            "proposal": proposal.id,
            "base_version": base_version,
            "sha256": Digest::of_bytes(proposal.text.as_bytes()),
            "loosens": proposal.loosens,
            "by": proposal.by,
        });
        self.record(&RecordType::RulesProposed, &body).await?;
        Ok(proposal)
    }

    async fn withdraw_rules(&mut self, id: &str, by: &str, why: &str) -> Result<(), Failure> {
        let now = self.now();
        rules::end_proposal(self.connection(), id, now).await?;
        let body = json!({ "proposal": id, "by": by, "why": why });
        self.record(&RecordType::RulesWithdrawn, &body).await?;
        Ok(())
    }
}

/// What became of new rules.
#[derive(Debug)]
pub(crate) enum Put {
    /// They are in force.
    InForce(SignedRules),
    /// They wait for a second admin.
    Proposed(ProposedRules),
}

fn proposed(stored: StoredProposal) -> ProposedRules {
    ProposedRules {
        id: stored.id,
        base_version: stored.base_version,
        sha256: Digest::of_bytes(stored.text.as_bytes()),
        text: stored.text,
        loosens: stored.loosens,
        proposed_by: stored.by,
        proposed_at: stored.at,
    }
}

/// Refuses rules that no client could use, with every mistake in them.
fn validate(text: &str) -> Result<(), Failure> {
    if text.len() > RULES_TEXT_LIMIT_BYTES {
        let detail = format!(
            "the rules have {} bytes, and may have {RULES_TEXT_LIMIT_BYTES}",
            text.len()
        );
        return Err(Failure::new(ProblemCode::TooLarge, detail));
    }
    PolicyBuilder::new()
        .layer(Layer::Server, "server", text)
        .map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::bad_request(format!("the rules are not valid: {}", lines.join("; ")))
        })
}
