//! Delivery: batches in order, each confirmed before it counts.

use std::time::Duration;

use gate_client::{Client, ClientError};
use gate_protocol::event::{BatchReceipt, ClientEvent, EventBatch};
use gate_protocol::id::EpochId;
use gate_protocol::problem::ProblemCode;
use tokio::task::JoinHandle;

use super::{Position, Spool, SpoolError, at, lock, queue, reserve};
use crate::durable;
use crate::layout::KeptFiles;
use crate::receipts;
use crate::session::Session;

/// How often a queue that another gate holds is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Events that the server confirmed now.
    pub(crate) events: u64,
}

/// Why a delivery stopped. What was not confirmed stays in the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    /// The queue can't be read or the confirmation can't be kept.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The server did not take it.
    #[error("the server did not take the events")]
    Client(#[from] ClientError),
    /// It took too long.
    #[error("the events were not delivered within {0:?}")]
    Slow(Duration),
}

/// Delivers what is in the queue, for at most `patience`, also where another
/// gate holds the queue and does not let go. Two gates may do so at once: the
/// server counts each event once, and the position only grows.
///
/// # Errors
/// [`DeliverError`]; what was not confirmed stays in the queue.
pub(crate) async fn deliver(
    spool: &mut Spool,
    client: &Client,
    patience: Duration,
) -> Result<Delivered, DeliverError> {
    tokio::time::timeout(patience, deliver_all(spool, client))
        .await
        .map_err(|_| DeliverError::Slow(patience))?
}

async fn deliver_all(spool: &mut Spool, client: &Client) -> Result<Delivered, DeliverError> {
    let mut done = Delivered::default();
    let mut one_by_one = false;
    loop {
        let most = if one_by_one { 1 } else { usize::MAX };
        let Some(parcel) = once_let_go(|| spool.next_parcel(most)).await? else {
            return Ok(done);
        };
        let epoch = parcel.last.epoch;
        let receipt = match client.deliver(&parcel.batch).await {
            // The folder was put back from an older copy, and what followed then is at the server
            // already. What is the same is confirmed, one event at a time; what is new goes on in
            // a sequence of its own.
            Err(error) if is_fork(&error) => {
                if one_by_one {
                    once_let_go(|| spool.fork(epoch)).await?;
                }
                one_by_one = !one_by_one;
                continue;
            }
            answer => answer?,
        };
        if receipt.through < parcel.last.seq {
            // A server that confirms less than it was given keeps nothing for us to rely on.
            return Ok(done);
        }
        once_let_go(|| spool.confirm(&parcel.last)).await?;
        spool.keep_receipts(client, receipt.records);
        done.events += parcel.batch.events.len() as u64;
        if parcel.is_all {
            return Ok(done);
        }
    }
}

/// Takes a step as soon as no other gate holds the queue. Whoever waits beside
/// this, as for the end of its patience, is not held up.
async fn once_let_go<T>(mut step: impl FnMut() -> Result<T, SpoolError>) -> Result<T, SpoolError> {
    loop {
        match step() {
            Err(SpoolError::Held { .. }) => tokio::time::sleep(LOOK).await,
            taken => return taken,
        }
    }
}

/// The next events, as they are sent.
struct Parcel {
    batch: EventBatch,
    /// The place of the last of them.
    last: Position,
    /// Whether nothing stands behind it.
    is_all: bool,
}

/// Events on their way to the server, for whose confirmation nobody waits yet.
#[derive(Debug)]
pub(crate) struct Sent {
    last: Position,
    answer: JoinHandle<Result<BatchReceipt, ClientError>>,
}

impl Sent {
    /// Tells whether there is an answer, of whatever kind.
    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_finished()
    }
}

/// Tells whether the server has other events at these places.
fn is_fork(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::Conflict)
}

impl Spool {
    /// Begins a new epoch with the facts of all events that are not confirmed, unless somebody has
    /// begun one since `epoch`.
    pub(super) fn fork(&mut self, epoch: EpochId) -> Result<(), SpoolError> {
        let _held = lock(&self.folder, Duration::ZERO)?;
        let mut queue = self.queue()?;
        if epoch != self.sequence.epoch {
            return Ok(());
        }
        match queue.after(&self.confirmed()?)? {
            Some(waiting) => {
                let waiting: Vec<ClientEvent> =
                    waiting.into_iter().map(|(event, _)| event).collect();
                self.begin_with(&waiting)
            }
            None => self.begin_again(),
        }
    }

    /// Returns how many events the server has not confirmed.
    ///
    /// # Errors
    /// The queue can't be read.
    pub(crate) fn waiting(&mut self) -> Result<u64, SpoolError> {
        let _held = lock(&self.folder, self.patience)?;
        let last = self.queue()?.last().seq;
        Ok(last.saturating_sub(self.confirmed()?.seq))
    }

    /// Sends the next events on their way.
    ///
    /// # Errors
    /// Another gate holds the queue, or it can't be read.
    pub(crate) fn send(&mut self, session: &Session) -> Result<Option<Sent>, SpoolError> {
        let parcel = self.next_parcel(usize::MAX)?;
        Ok(parcel.map(|parcel| {
            let client = session.client().clone();
            let batch = parcel.batch;
            let answer = session.send(async move { client.deliver(&batch).await });
            Sent {
                last: parcel.last,
                answer,
            }
        }))
    }

    /// Waits for the confirmation of what was sent, and remembers it. What was not confirmed is
    /// still in the queue.
    pub(crate) async fn take_answer(&mut self, sent: Sent, client: &Client) {
        if let Ok(Ok(receipt)) = sent.answer.await
            && receipt.through >= sent.last.seq
        {
            self.told = Some(sent.last);
            self.keep_receipts(client, receipt.records);
        }
    }

    fn next_parcel(&mut self, most: usize) -> Result<Option<Parcel>, SpoolError> {
        let (mut events, end) = self.next_events()?;
        events.truncate(most);
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let epoch = self.sequence.epoch;
        let last = Position::of(epoch, last)?;
        let is_all = last.seq == end;
        let batch = EventBatch {
            client: self.sequence.client,
            epoch,
            events,
        };
        Ok(Some(Parcel {
            batch,
            last,
            is_all,
        }))
    }

    /// Keeps what the server gave for what it took. Without a receipt the records are there all the
    /// same, and nobody here misses them.
    fn keep_receipts(&self, client: &Client, records: Vec<String>) {
        let files = KeptFiles::receipts_beside(&self.folder);
        drop(receipts::keep_records(&files, client.server(), records));
    }

    /// Returns the next events to deliver, at most one batch, and the number of the last one that
    /// there is.
    fn next_events(&mut self) -> Result<(Vec<ClientEvent>, u64), SpoolError> {
        let _held = lock(&self.folder, Duration::ZERO)?;
        let mut queue = self.queue()?;
        let confirmed = self.confirmed()?;
        let end = queue.last().seq;
        let told = self.told.clone().filter(|told| {
            told.epoch == confirmed.epoch && (confirmed.seq..=end).contains(&told.seq)
        });
        let reached = told.unwrap_or(confirmed);
        if let Some(events) = queue.batch_after(&reached)? {
            Ok((events, end))
        } else {
            self.begin_again()?;
            Ok((Vec::new(), 0))
        }
    }

    #[cfg(test)]
    pub(super) fn undelivered(&mut self) -> Result<Vec<ClientEvent>, SpoolError> {
        self.next_events().map(|(events, _)| events)
    }

    pub(super) fn confirm(&mut self, last: &Position) -> Result<(), SpoolError> {
        let _held = lock(&self.folder, Duration::ZERO)?;
        let queue = self.queue()?;
        let confirmed = self.confirmed()?;
        if last.epoch != self.sequence.epoch || last.seq <= confirmed.seq {
            return Ok(());
        }
        let path = self.folder.join("position");
        let position = last.encode()?;
        if queue.is_compacted_by(last) {
            // Without its events it alone says where the chain goes on.
            let replaced = durable::replace(&path, &position).map_err(at("write", &path));
            match replaced.and_then(|()| queue::empty(&self.folder)) {
                // It stays long until there is room.
                Err(SpoolError::Io { source, .. }) if reserve::is_full(&source) => {}
                done => return done,
            }
        }
        // An older one has what is confirmed delivered once more, and the server counts it once.
        durable::overwrite(&path, &position).map_err(at("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use gate_protocol::canonical::to_canonical_bytes;

    use super::*;
    use crate::spool::tests::{fact, facts, once_free};
    use crate::spool::{Durability, POSITION_BYTES};

    #[test]
    fn a_confirmation_is_written_over_the_last_one_however_far_it_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        let path = folder.path().join("position");
        let mut files = Vec::new();
        for count in 1..=11 {
            spool.append(fact("next"), Durability::Written).unwrap();
            let parcel = once_free(|| spool.next_parcel(usize::MAX)).unwrap();
            assert_eq!(parcel.batch.events.len(), 1, "{count}");
            once_free(|| spool.confirm(&parcel.last));
            assert_eq!(spool.confirmed().unwrap(), parcel.last);
            let found = path.metadata().unwrap();
            assert_eq!(usize::try_from(found.len()), Ok(POSITION_BYTES));
            files.push(found.ino());
        }
        files.dedup();
        assert_eq!(files.len(), 1, "it is one file from the first to the last");
        // One of an earlier version is as long as its number.
        let last = spool.confirmed().unwrap();
        std::fs::write(&path, to_canonical_bytes(&last).unwrap()).unwrap();
        assert_eq!(spool.confirmed().unwrap(), last);
        spool.append(fact("after"), Durability::Written).unwrap();
        let parcel = once_free(|| spool.next_parcel(usize::MAX)).unwrap();
        once_free(|| spool.confirm(&parcel.last));
        assert_eq!(spool.confirmed().unwrap(), parcel.last);
    }

    #[test]
    fn a_delivery_reads_a_long_queue_from_what_was_confirmed_last_and_not_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        for number in 1..=300 {
            let name = format!("event-{number}");
            spool.append(fact(&name), Durability::Written).unwrap();
        }
        let path = folder.path().join(queue::FILE);
        assert!(path.metadata().unwrap().len() > 64 << 10);
        let all = once_free(|| spool.undelivered());
        let confirm = |spool: &mut Spool, at: usize| {
            let last = Position::of(spool.sequence.epoch, &all[at - 1]).unwrap();
            once_free(|| spool.confirm(&last));
            once_free(|| spool.undelivered())
        };
        for confirmed in [1, 60, 200, 299, 300] {
            assert_eq!(confirm(&mut spool, confirmed), all[confirmed..]);
        }
        spool.append(fact("after"), Durability::Written).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("event-1\"", "EVENT-1\"", 1)).unwrap();
        assert_eq!(facts(&once_free(|| spool.undelivered())), ["after"]);
        // The last one that the server has is not what was confirmed.
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = text.replacen("event-300\"", "EVENT-300\"", 1);
        std::fs::write(&path, changed).unwrap();
        assert_eq!(facts(&once_free(|| spool.undelivered())), [""; 0]);
    }
}
