//! What people wrote, and where they were, is erased on somebody's word; that it was is a record, and
//! the records beside which it stood stay as they were signed for.

use gate_protocol::erasure::{Erase, Erased, WHY_LIMIT};
use gate_protocol::id::RequestId;
use gate_protocol::log::{AuditRecord, Erasure, RecordType};
use gate_protocol::problem::ProblemCode;
use serde_json::{Value, json};

use super::change::Change;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::payloads::{self, Erasable};
use crate::store::{edits, erasing, requests};

/// Beside how many records something is erased at once: one record names them all.
const AT_ONCE: u64 = 1_000;

impl Server {
    /// Erases what stands beside the records about a request, or of a person.
    pub(crate) async fn erase(&self, actor: &Actor, wanted: Erase) -> Result<Erased, Failure> {
        let length = wanted.why.trim().chars().count();
        if !(1..=WHY_LIMIT).contains(&length) {
            let detail = format!("`why` must have 1 to {WHY_LIMIT} characters");
            return Err(Failure::bad_request(detail));
        }
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let found = change.erasable(&wanted).await?;
        let erased = change.erase(actor, &wanted, found).await?;
        change.commit().await?;
        if erased.records > 0
            && let Err(error) = self.store.scrub().await
        {
            tracing::warn!(%error, "what was erased is overwritten with a later change");
        }
        Ok(erased)
    }
}

/// The records whose payload is erased, and what is left.
#[derive(Default)]
struct Found {
    records: Vec<AuditRecord>,
    /// How many are of requests that have not ended.
    open: u64,
    more: bool,
}

impl Change<'_> {
    async fn erasable(&mut self, wanted: &Erase) -> Result<Found, Failure> {
        match (wanted.request, &wanted.person) {
            (Some(id), None) => {
                let request = self.request(id).await?.ok_or_else(Failure::not_found)?;
                if !request.state.status.is_terminal() {
                    let detail = "the request has not ended, and who answers it must see it whole";
                    return Err(Failure::new(ProblemCode::Conflict, detail));
                }
                let found = payloads::about(self.connection(), id).await?;
                self.ended(found).await
            }
            (None, Some(name)) => {
                let mut owners = edits::persons_of(self.connection(), name, None).await?;
                owners.push(name.clone());
                owners.sort_unstable();
                owners.dedup();
                let mut all = Vec::new();
                for owner in &owners {
                    let more = payloads::of_owner(self.connection(), owner, 0, AT_ONCE).await?;
                    all.extend(more);
                }
                let more = all.len() as u64 >= AT_ONCE;
                all.truncate(usize::try_from(AT_ONCE).unwrap_or(usize::MAX));
                let found = self.ended(all).await?;
                // Where all that is left waits for its end, asking again changes nothing.
                let more = more && !found.records.is_empty();
                Ok(Found { more, ..found })
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(Failure::bad_request("give one of `request` and `person`"))
            }
        }
    }

    /// Leaves out what is beside a record about a request that has not ended.
    async fn ended(&mut self, found: Vec<Erasable>) -> Result<Found, Failure> {
        let mut ended = Found::default();
        for Erasable { seq, record } in found {
            let record = AuditRecord::parse(record.as_bytes()).map_err(|error| {
                tracing::error!(seq, %error, "a record can't be read");
                Failure::internal(&error)
            })?;
            let request = match request_of(&record) {
                Some(id) => requests::glance(self.connection(), id).await?,
                None => None,
            };
            if request.is_some_and(|request| !request.status.is_terminal()) {
                ended.open += 1;
            } else {
                ended.records.push(record);
            }
        }
        Ok(ended)
    }

    async fn erase(
        &mut self,
        actor: &Actor,
        wanted: &Erase,
        found: Found,
    ) -> Result<Erased, Failure> {
        let mut erased = Erased {
            records: found.records.len() as u64,
            record: None,
            open: found.open,
            more: found.more,
        };
        if found.records.is_empty() {
            return Ok(erased);
        }
        let mut body = json!({
            "by": actor.name(),
            "why": wanted.why.trim(),
            "records": found.records.iter().map(AuditRecord::seq).collect::<Vec<_>>(),
        });
        // Of a request it is one more record; whose name it was must not stand here for ever.
        if let (Some(id), Some(members)) = (wanted.request, body.as_object_mut()) {
            members.insert("request".to_owned(), json!(id));
        }
        let told = self.record(&RecordType::PayloadErased, &body).await?;
        let (now, by) = (self.now(), actor.name());
        let erasure = Erasure {
            at: now,
            by: by.to_owned(),
            record: told.seq(),
        };
        for record in &found.records {
            payloads::erase(self.connection(), record.seq(), (by, told.seq(), now)).await?;
            self.erase_what_is_shown(record, &erasure.words()).await?;
        }
        erased.record = Some(told.seq());
        Ok(erased)
    }

    /// Erases the same where pages and answers take it from.
    async fn erase_what_is_shown(
        &mut self,
        record: &AuditRecord,
        words: &str,
    ) -> Result<(), Failure> {
        let text = |place: &str| {
            let body = record.body();
            let mut place = place.split('/');
            let first = place.next().and_then(|name| body.get(name));
            let value = place.fold(first, |value, name| value.and_then(|value| value.get(name)));
            value.and_then(Value::as_str)
        };
        let id = request_of(record);
        let kind = record.record_type();
        if *kind == RecordType::StandingGrantProposed
            && let Some(id) = text("standing_grant/id")
        {
            erasing::standing_grant(self.connection(), id, words).await?;
        }
        if *kind == RecordType::DecisionRecorded
            && let (Some(request), Some(reviewer)) = (text("request"), text("reviewer"))
        {
            erasing::comment(self.connection(), (request, reviewer), words).await?;
        }
        let Some(id) = id else {
            return Ok(());
        };
        if *kind == RecordType::RequestCreated
            && let Some(request) = requests::find(self.connection(), id).await?
        {
            erasing::request(self.connection(), request, words).await?;
        }
        if *kind == RecordType::BreakGlassReviewed
            && let Some(request) = requests::find(self.connection(), id).await?
        {
            erasing::break_glass(self.connection(), request, words).await?;
        }
        self.touch(id);
        Ok(())
    }
}

fn request_of(record: &AuditRecord) -> Option<RequestId> {
    let id = record.body().get("request").and_then(Value::as_str)?;
    id.parse().ok()
}
