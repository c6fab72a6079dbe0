//! Clients deliver what happened on their machines: at least once, in one
//! hash-chained sequence for each (client, epoch), counted exactly once.

use std::collections::BTreeMap;

use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::event::{
    BATCH_LIMIT, BatchReceipt, ClientEvent, EVENT_LIMIT_BYTES, EventBatch, Fact, SHOWN_LIMIT_BYTES,
};
use gate_protocol::id::EpochId;
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use serde_json::json;

use super::change::Change;
use super::fact;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::clients::{self, Link, Sequence};

/// One event with its own hash.
pub(super) struct Hashed<'b> {
    pub(super) event: &'b ClientEvent,
    pub(super) hash: Digest,
}

impl Server {
    /// Takes a batch: all of it is durable when this returns, or none of it.
    ///
    /// The receipt's `through` is the highest `seq` that came. What is missing
    /// below it is in the log as a gap, and is still taken if it comes late.
    pub(crate) async fn deliver(
        &self,
        actor: &Actor,
        batch: &EventBatch,
    ) -> Result<BatchReceipt, Failure> {
        let events = hashed(&batch.events)?;
        let sequence = Sequence {
            client: batch.client,
            epoch: batch.epoch,
        };
        let mut change = self.change().await?;
        let known = clients::find(change.connection(), batch.client).await?;
        if known
            .as_ref()
            .is_some_and(|client| client.principal != actor.name())
        {
            return Err(Failure::new(
                ProblemCode::Forbidden,
                "this client belongs to another principal; a copied spool needs a client id of its own",
            ));
        }
        let (first, last) = match (batch.events.first(), batch.events.last()) {
            (Some(first), Some(last)) => (first.seq, last.seq),
            _ => (1, 1),
        };
        let stretch = (first.saturating_sub(1), last.saturating_add(1));
        let known_links = clients::links(change.connection(), sequence, stretch).await?;
        if let Some(fork) = fork(&known_links, &events) {
            return refuse_fork(change, actor, sequence, fork).await;
        }
        let known_through = clients::through(change.connection(), sequence).await?;
        if known_through.is_none() {
            let before = known.map(|client| client.epoch);
            begin(&mut change, actor, sequence, before).await?;
        }
        let mut through = known_through.unwrap_or(0);
        let mut new = Vec::new();
        for event in &events {
            if known_links.contains_key(&event.event.seq) {
                continue;
            }
            through = take(&mut change, actor, sequence, through, event).await?;
            let (prev, hash) = (event.event.prev, event.hash);
            new.push((event.event.seq, Link { prev, hash }));
        }
        clients::insert_events(change.connection(), sequence, &new).await?;
        clients::set_through(change.connection(), sequence, through).await?;
        let records = change.take_receipts();
        change.commit().await?;
        Ok(BatchReceipt { through, records })
    }
}

/// Begins a sequence of events. That a client had another one before is told.
async fn begin(
    change: &mut Change<'_>,
    actor: &Actor,
    sequence: Sequence,
    before: Option<EpochId>,
) -> Result<(), Failure> {
    let now = change.now();
    clients::put(change.connection(), sequence, actor.name(), now).await?;
    if let Some(before) = before {
        let body = json!({
            "client": sequence.client,
            "principal": actor.name(),
            "from": before,
            "to": sequence.epoch,
        });
        change.record(&RecordType::ClientEpochReset, &body).await?;
    }
    Ok(())
}

/// Returns the events with their hashes; they must be one stretch, in order.
fn hashed(events: &[ClientEvent]) -> Result<Vec<Hashed<'_>>, Failure> {
    if events.is_empty() || events.len() > BATCH_LIMIT {
        return Err(Failure::bad_request(format!(
            "`events` has {} events, and must have 1 to {BATCH_LIMIT}",
            events.len()
        )));
    }
    let mut last = 0;
    let mut hashed = Vec::with_capacity(events.len());
    for event in events {
        if event.seq <= last {
            return Err(Failure::bad_request(
                "`events` must be ordered by `seq`, from 1, each once",
            ));
        }
        last = event.seq;
        if let Fact::Decided(decided) = &event.fact
            && !matches!(decided.decision.as_str(), "allow" | "deny")
        {
            return Err(Failure::bad_request(format!(
                "`decision` of event {} is neither `allow` nor `deny`",
                event.seq
            )));
        }
        if let Fact::Decided(decided) = &event.fact
            && decided.shown.len() > SHOWN_LIMIT_BYTES
        {
            return Err(Failure::bad_request(format!(
                "`shown` of event {} is longer than {SHOWN_LIMIT_BYTES} bytes",
                event.seq
            )));
        }
        // What is on record must fit into a record.
        if to_canonical_bytes(event)?.len() > EVENT_LIMIT_BYTES {
            return Err(Failure::bad_request(format!(
                "event {} is longer than {EVENT_LIMIT_BYTES} bytes",
                event.seq
            )));
        }
        let hash = event.hash()?;
        hashed.push(Hashed { event, hash });
    }
    Ok(hashed)
}

/// Returns the first event that does not fit to its neighbours, or that came
/// before with another content.
fn fork<'e, 'b>(known: &BTreeMap<u64, Link>, events: &'e [Hashed<'b>]) -> Option<&'e Hashed<'b>> {
    let mut before: Option<(u64, Digest)> = None;
    for hashed in events {
        let seq = hashed.event.seq;
        if let Some(known) = known.get(&seq) {
            if known.hash != hashed.hash {
                return Some(hashed);
            }
        } else {
            let of = |seq: Option<u64>| seq.and_then(|seq| known.get(&seq));
            let expected = match before {
                _ if seq == 1 => Some(Digest::ZERO),
                Some((last, hash)) if last + 1 == seq => Some(hash),
                Some(_) | None => of(seq.checked_sub(1)).map(|link| link.hash),
            };
            let fits = expected.is_none_or(|hash| hash == hashed.event.prev)
                && of(seq.checked_add(1)).is_none_or(|next| next.prev == hashed.hash);
            if !fits {
                return Some(hashed);
            }
        }
        before = Some((seq, hashed.hash));
    }
    None
}

/// Nothing of the batch is taken; that it came is recorded, once.
async fn refuse_fork(
    mut change: Change<'_>,
    actor: &Actor,
    sequence: Sequence,
    fork: &Hashed<'_>,
) -> Result<BatchReceipt, Failure> {
    let seq = fork.event.seq;
    if clients::insert_fork(change.connection(), sequence, seq, fork.hash).await? {
        let body = json!({
            "client": sequence.client,
            "epoch": sequence.epoch,
            "principal": actor.name(),
            "seq": seq,
            "prev": fork.event.prev,
            "hash": fork.hash,
        });
        change.record(&RecordType::ClientFork, &body).await?;
    }
    let detail = format!(
        "event {seq} does not continue what this client delivered in this epoch; \
         begin a new epoch with what is left"
    );
    change
        .refuse(Failure::new(ProblemCode::Conflict, detail))
        .await
}

/// Takes one event that fits and is new, and returns the highest `seq` after it.
async fn take(
    change: &mut Change<'_>,
    actor: &Actor,
    sequence: Sequence,
    through: u64,
    hashed: &Hashed<'_>,
) -> Result<u64, Failure> {
    let event = hashed.event;
    let place = |first: u64, last: u64| {
        json!({
            "client": sequence.client,
            "epoch": sequence.epoch,
            "from": first,
            "to": last,
        })
    };
    if event.seq > through + 1 {
        let gap = (through + 1, event.seq - 1);
        clients::open_gap(change.connection(), sequence, gap).await?;
        change
            .record(&RecordType::ClientGap, &place(gap.0, gap.1))
            .await?;
    }
    fact::record(change, actor, sequence, hashed).await?;
    if event.seq < through
        && let Some(gap) = clients::fill_gap(change.connection(), sequence, event.seq).await?
        && gap.missing == 0
    {
        change
            .record(&RecordType::ClientGapClosed, &place(gap.first, gap.last))
            .await?;
    }
    Ok(through.max(event.seq))
}
