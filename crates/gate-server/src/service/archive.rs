//! The oldest records leave the server for an archive; their leaves stay, so that the log goes on to
//! be one log.

use gate_protocol::archive::{Archivable, LogStart, Prune, Pruned};
use gate_protocol::log::{AuditRecord, RecordType};
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde_json::json;

use crate::clock;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log::WantedRecords;
use crate::store::{Connection, archiving, erasing, log, requests};
use crate::subtrees::SubtreesFailure;

/// How many bodies are dropped in one change: others write in between.
const STEP: u64 = 500;

impl Server {
    /// Returns where the records that are here begin.
    pub(crate) async fn log_start(&self) -> Result<LogStart, Failure> {
        let mut reader = self.store.read().await?;
        let size = log::pruned(reader.connection()).await?;
        self.start_at(reader.connection(), size).await
    }

    /// Returns where the records from an index on begin.
    async fn start_at(&self, connection: &mut Connection, size: u64) -> Result<LogStart, Failure> {
        let tree = self.subtrees.tree(connection, size).await.map_err(failed)?;
        Ok(LogStart {
            size,
            last: archiving::hash_before(connection, size).await?,
            peaks: tree.peaks().to_vec(),
        })
    }

    /// Returns which of the oldest records can be archived: older than `before`, and none from the
    /// first on that tells of a request which has not ended.
    pub(crate) async fn archivable(&self, before: Timestamp) -> Result<Archivable, Failure> {
        let mut reader = self.store.read().await?;
        let connection = reader.connection();
        let from = log::pruned(connection).await?;
        let last = last_ended(connection, from).await?;
        let young = archiving::first_young(connection, from..last, before).await?;
        let to = young.unwrap_or(last);
        let start = self.start_at(connection, from).await?;
        Ok(Archivable { start, to })
    }

    /// Drops the bodies of records that were archived. Puts that on record first.
    pub(crate) async fn prune(&self, actor: &Actor, wanted: &Prune) -> Result<Pruned, Failure> {
        if let Some(before) = self.begun_to_prune(wanted).await? {
            // It was cut off, or its answer was lost.
            self.go_on_pruning().await?;
            return Ok(before);
        }
        let pruned = self.begin_to_prune(actor, wanted).await?;
        self.drop_bodies(pruned.to).await?;
        Ok(pruned)
    }

    /// Drops the bodies that a prune did not come to before it was cut off.
    pub(crate) async fn go_on_pruning(&self) -> Result<(), Failure> {
        let mut reader = self.store.read().await?;
        let below = log::pruned(reader.connection()).await?;
        let is_left = archiving::is_left_below(reader.connection(), below).await?;
        drop(reader);
        if is_left {
            self.drop_bodies(below).await?;
        }
        Ok(())
    }

    /// Returns what is on record of this very prune, where it is the newest.
    async fn begun_to_prune(&self, wanted: &Prune) -> Result<Option<Pruned>, Failure> {
        let mut reader = self.store.read().await?;
        if wanted.to != log::pruned(reader.connection()).await? {
            return Ok(None);
        }
        let newest = WantedRecords {
            record_type: Some(RecordType::LogPruned.to_string()),
            limit: 1,
            ..WantedRecords::default()
        };
        let found = log::search(reader.connection(), &newest).await?;
        Ok(found.first().and_then(|record| of_prune(record, wanted)))
    }

    async fn begin_to_prune(&self, actor: &Actor, wanted: &Prune) -> Result<Pruned, Failure> {
        let conflict = |detail: String| Failure::new(ProblemCode::Conflict, detail);
        let to = wanted.to;
        let keeps = self.settings.leases.records.as_secs();
        // Of records that there are already, whose age nothing changes: nobody waits meanwhile.
        let mut reader = self.store.read().await?;
        let from = log::pruned(reader.connection()).await?;
        let before = clock::before(clock::now(), keeps);
        let young = archiving::first_young(reader.connection(), from..to, before).await?;
        drop(reader);
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let from = log::pruned(change.connection()).await?;
        if to <= from {
            return Err(conflict(format!(
                "all records below {from} were dropped before"
            )));
        }
        let last = last_ended(change.connection(), from).await?;
        let last = last.min(young.unwrap_or(u64::MAX));
        if to > last {
            let days = keeps / 86_400;
            let detail = format!(
                "only records below {last} can be dropped: it is younger than {days} days, tells \
                 of a request that has not ended, or is the newest"
            );
            return Err(conflict(detail));
        }
        let subtrees = &self.subtrees;
        let tree = subtrees.tree(change.connection(), to).await;
        let root = tree.map_err(failed)?.root();
        if root != wanted.root {
            let detail = "the archive is of another log: its root is not the one of these records";
            return Err(conflict(detail.to_owned()));
        }
        let body = json!({
            "by": actor.name(),
            "from": from,
            "to": to,
            "root": root,
            "archive": wanted.archive,
        });
        let told = change.record(&RecordType::LogPruned, &body).await?;
        archiving::begin(change.connection(), to).await?;
        change.commit().await?;
        let record = told.seq();
        Ok(Pruned { from, to, record })
    }

    /// Drops all bodies below an index, those that an earlier prune did not come to as well.
    async fn drop_bodies(&self, below: u64) -> Result<(), Failure> {
        while self.drop_some(below).await? >= STEP {}
        if let Err(error) = self.store.scrub().await {
            tracing::warn!(%error, "what was dropped is overwritten with a later change");
        }
        Ok(())
    }
}

impl Server {
    /// Drops some bodies below an index, with the texts of their requests, and returns how many.
    async fn drop_some(&self, below: u64) -> Result<u64, Failure> {
        let mut change = self.change().await?;
        let (created, count) = archiving::drop_some(change.connection(), below, STEP).await?;
        let day = change.now().strftime("%Y-%m-%d").to_string();
        let words = format!("(archived on {day})");
        for id in created {
            // Retention is of the texts, wherever they stand.
            if let Some(request) = requests::find(change.connection(), id).await? {
                erasing::request(change.connection(), request, &words).await?;
                erasing::comments(change.connection(), id, &words).await?;
            }
        }
        change.commit().await?;
        Ok(count)
    }
}

/// Returns what a record says of a prune, where it is this one.
fn of_prune(record: &str, wanted: &Prune) -> Option<Pruned> {
    let record = AuditRecord::parse(record.as_bytes()).ok()?;
    let body = record.body();
    let is_same = body.get("to")?.as_u64()? == wanted.to
        && body.get("root")?.as_str()? == wanted.root.to_string()
        && body.get("archive")?.as_str()? == wanted.archive.to_string();
    let from = body.get("from")?.as_u64()?;
    is_same.then(|| Pruned {
        from,
        to: wanted.to,
        record: record.seq(),
    })
}

fn failed(failure: SubtreesFailure) -> Failure {
    match failure {
        SubtreesFailure::Proof(error) => Failure::bad_request(error.to_string()),
        SubtreesFailure::Store(error) => error.into(),
    }
}

/// Returns the index behind the last record that can be archived, of whatever age: no request that
/// stands before it is open.
async fn last_ended(connection: &mut Connection, from: u64) -> Result<u64, Failure> {
    let size = log::head(connection).await?.tree.size();
    let open = archiving::first_open(connection).await?;
    // The newest record stays: it names the one before it, and that one the next.
    let last = size.saturating_sub(1).min(open.unwrap_or(u64::MAX));
    Ok(last.max(from))
}
