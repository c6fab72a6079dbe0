//! Delivery: batches in order, each confirmed before it counts.

use std::time::Duration;

use gate_client::{Client, ClientError};
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::event::{ClientEvent, EventBatch};
use gate_protocol::id::EpochId;
use gate_protocol::problem::ProblemCode;

use super::{Position, Spool, SpoolError, at, lock, write_json};
use crate::durable;
use crate::layout::KeptFiles;
use crate::receipts;

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

/// Where it is kept what the server has confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// On the disk.
    Kept,
    /// By this process, which delivers again before it ends. Where it does not come to that, some
    /// events go to the server once more, which counts each once.
    Remembered,
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
    confirmation: Confirmation,
) -> Result<Delivered, DeliverError> {
    tokio::time::timeout(patience, deliver_all(spool, client, confirmation))
        .await
        .map_err(|_| DeliverError::Slow(patience))?
}

async fn deliver_all(
    spool: &mut Spool,
    client: &Client,
    confirmation: Confirmation,
) -> Result<Delivered, DeliverError> {
    let mut done = Delivered::default();
    let mut one_by_one = false;
    loop {
        let mut events = once_let_go(|| spool.undelivered()).await?;
        if one_by_one {
            events.truncate(1);
        }
        let Some(last) = events.last() else {
            return Ok(done);
        };
        let (seq, hash) = (last.seq, last.hash().map_err(SpoolError::from)?);
        let count = events.len() as u64;
        let batch = EventBatch {
            client: spool.sequence.client,
            epoch: spool.sequence.epoch,
            events,
        };
        let receipt = match client.deliver(&batch).await {
            // The folder was put back from an older copy, and what followed then is at the server
            // already. What is the same is confirmed, one event at a time; what is new goes on in
            // a sequence of its own.
            Err(error) if is_fork(&error) => {
                if one_by_one {
                    once_let_go(|| spool.fork(batch.epoch)).await?;
                }
                one_by_one = !one_by_one;
                continue;
            }
            answer => answer?,
        };
        if receipt.through < seq {
            // A server that confirms less than it was given keeps nothing for us to rely on.
            return Ok(done);
        }
        match confirmation {
            Confirmation::Kept => once_let_go(|| spool.confirm(batch.epoch, seq, hash)).await?,
            Confirmation::Remembered => {
                let epoch = batch.epoch;
                spool.told = Some(Position { epoch, seq, hash });
            }
        }
        // Without a receipt the records are there all the same, and nobody here misses them.
        let files = KeptFiles::receipts_beside(&spool.folder);
        drop(receipts::keep_records(
            &files,
            client.server(),
            receipt.records,
        ));
        done.events += count;
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

    /// Returns the next events to deliver, at most one batch.
    pub(super) fn undelivered(&mut self) -> Result<Vec<ClientEvent>, SpoolError> {
        let _held = lock(&self.folder, Duration::ZERO)?;
        let mut queue = self.queue()?;
        let confirmed = self.confirmed()?;
        let told = self.told.clone().filter(|told| {
            told.epoch == confirmed.epoch && (confirmed.seq..=queue.last().seq).contains(&told.seq)
        });
        let reached = told.unwrap_or(confirmed);
        if let Some(events) = queue.batch_after(&reached)? {
            Ok(events)
        } else {
            self.begin_again()?;
            Ok(Vec::new())
        }
    }

    pub(super) fn confirm(
        &mut self,
        epoch: EpochId,
        seq: u64,
        hash: Digest,
    ) -> Result<(), SpoolError> {
        let _held = lock(&self.folder, Duration::ZERO)?;
        let mut queue = self.queue()?;
        let confirmed = self.confirmed()?;
        if epoch != self.sequence.epoch || seq <= confirmed.seq {
            return Ok(());
        }
        let position = Position { epoch, seq, hash };
        let path = self.folder.join("position");
        if queue.is_compacted_by(&position) {
            // Without its events it alone says where the chain goes on.
            write_json(&path, &position)?;
            return queue.empty();
        }
        // An older one has what is confirmed delivered once more, and the server counts it once.
        durable::exchange(&path, &to_canonical_bytes(&position)?).map_err(at("write", &path))
    }
}
