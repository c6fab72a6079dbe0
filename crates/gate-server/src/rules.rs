//! The rules that the server hands to its clients: versioned, and signed anew
//! often enough that a copy is never long without a fresh signature.

use gate_policy::{Layer, PolicyBuilder};
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use gate_protocol::rules::{PutRules, RULES_TEXT_LIMIT_BYTES, RuleBundle, SignedRules};
use jiff::Timestamp;
use serde_json::json;

use crate::clock;
use crate::problem::Failure;
use crate::service::{Change, Seen, changes};
use crate::state::Server;
use crate::store::edits;
use crate::store::rules::{self, StoredRules};

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
    /// author has seen.
    pub(crate) async fn activate_rules(
        &self,
        by: &str,
        new: PutRules,
        seen: &Seen,
    ) -> Result<SignedRules, Failure> {
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
        let stored = change.activate_rules(by, version + 1, text).await?;
        change.commit().await?;
        // They are in force whether or not this server could read them again just now; the next
        // request tries anew, and is refused where it can't.
        if let Err(failure) = self.read_rules_in_force().await {
            tracing::error!(detail = failure.detail(), "the new rules were not read");
        }
        self.sign_rules(&stored)
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
        by: &str,
        version: u64,
        text: String,
    ) -> Result<StoredRules, Failure> {
        let stored = StoredRules {
            version,
            text,
            activated_at: self.now(),
        };
        let before = rules::current(self.connection()).await?;
        let before = before.map(|stored| stored.text).unwrap_or_default();
        let after = stored.text.clone();
        let edits = tokio::task::spawn_blocking(move || changes(&before, &after))
            .await
            .map_err(|error| Failure::internal(&error))?;
        rules::insert(self.connection(), &stored, by).await?;
        let now = self.now();
        edits::note_rules(self.connection(), version, &edits, (by, now)).await?;
        let body = json!({ "version": version, "sha256": stored.sha256(), "by": by });
        self.record(&RecordType::RulesActivated, &body).await?;
        Ok(stored)
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
