//! The audit log of this server: every record is appended in the transaction
//! of the change that it tells of, and the log's head is signed.

use std::borrow::Cow;
use std::time::Duration;

use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    AuditRecord, Checkpoint, CheckpointError, KeptPayload, RecordType, is_erasable, owner_of,
};
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::clock;
use crate::known_head;
use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::log::{self, Head, Pending};
use crate::store::{Connection, StoreError, server};

/// How long an idle server writes nothing: what is written is a page of its file, or a bit of the
/// database's log, each time.
const IDLE: Duration = Duration::from_mins(5);
/// When a round that failed is tried again.
const SOON: Duration = Duration::from_secs(5);

/// Makes the record that follows `head`, and moves the head behind it.
pub(crate) fn next(
    head: &mut Head,
    now: Timestamp,
    record_type: &RecordType,
    body: &Value,
) -> Result<Pending, Failure> {
    let prev = head.prev.unwrap_or(Digest::ZERO);
    let (body, payload) = parted(record_type, body)?;
    let record = AuditRecord::new(head.tree.size(), prev, now, record_type, body.as_ref())?;
    let leaf = record.leaf_hash();
    head.tree.append(leaf);
    head.prev = Some(record.hash());
    Ok(Pending {
        record,
        leaf,
        payload,
    })
}

/// What stands beside a record, with whose it is.
pub(crate) type Owned = (KeptPayload, Option<String>);

/// Takes out of a body what can be erased.
fn parted<'b>(
    record_type: &RecordType,
    body: &'b Value,
) -> Result<(Cow<'b, Value>, Option<Owned>), Failure> {
    if !is_erasable(record_type) {
        return Ok((Cow::Borrowed(body), None));
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Failure::internal(&error))?;
    let mut rest = body.clone();
    let payload = KeptPayload::take_from(record_type, &mut rest, key);
    let payload = payload.map(|payload| (payload, owner_of(body).map(ToOwned::to_owned)));
    Ok((Cow::Owned(rest), payload))
}

impl Server {
    /// Refuses where the database names other keys than this server has.
    pub(crate) async fn refuse_other_keys(
        &self,
        connection: &mut Connection,
    ) -> Result<(), CheckpointFailure> {
        let names = server::names(connection).await?;
        let known = names.and_then(|names| names.keys);
        if known.is_some_and(|known| known != self.keys.print()) {
            return Err(CheckpointFailure::OtherKeys);
        }
        Ok(())
    }

    /// Signs a head of the log, whoever asks for it: by none but the keys that the database names,
    /// and of no log that lacks what was seen of it.
    pub(crate) async fn sign_head(
        &self,
        connection: &mut Connection,
        head: &Head,
    ) -> Result<String, CheckpointFailure> {
        self.refuse_other_keys(connection).await?;
        if self.known_head.is_lacking() {
            return Err(known_head::lacking().into());
        }
        let checkpoint = Checkpoint {
            origin: self.names.log_origin.clone(),
            size: head.tree.size(),
            root: head.tree.root(),
        };
        Ok(checkpoint.sign(&[&self.keys.log])?)
    }

    /// Signs and stores the head, if records came since the last time. Something is written `anyway`,
    /// where that is wanted, so that a store that takes nothing any more is found out without a change
    /// of somebody's. Tells whether anything was.
    async fn checkpoint_or_try(&self, anyway: bool) -> Result<bool, CheckpointFailure> {
        let (mut writer, known) = self.writer().await?;
        let connection = writer.connection();
        let head = match known {
            Some(known) => known.head,
            None => log::head(connection).await?,
        };
        let size = head.tree.size();
        self.refuse_other_keys(connection).await?;
        if size > log::checkpointed(connection).await? {
            let note = self.sign_head(connection, &head).await?;
            log::insert_checkpoint(connection, size, &note, clock::now()).await?;
        } else if anyway {
            server::try_to_write(connection).await?;
        } else {
            return Ok(false);
        }
        writer.commit().await?;
        Ok(true)
    }

    /// Signs and stores the head, if records came since the last time.
    pub(crate) async fn checkpoint(&self) -> Result<(), CheckpointFailure> {
        self.checkpoint_or_try(false).await.map(drop)
    }

    /// Signs the head again and again, until dropped.
    pub(crate) async fn checkpoint_regularly(self) {
        let pause = self.settings.leases.checkpoint;
        let mut written: Option<Instant> = None;
        loop {
            let is_idle = written.is_none_or(|written| written.elapsed() >= IDLE);
            let sleep = match self.checkpoint_or_try(is_idle).await {
                Ok(has_written) => {
                    written = has_written.then(Instant::now).or(written);
                    self.beats.beat(Task::Checkpoints);
                    pause
                }
                Err(error) => {
                    tracing::error!(%error, "the log's head was not signed");
                    written = None;
                    pause.min(SOON)
                }
            };
            self.ask_witnesses().await;
            tokio::time::sleep(sleep).await;
        }
    }
}

impl From<Failure> for CheckpointFailure {
    fn from(failure: Failure) -> Self {
        Self::Head(failure.detail().to_owned())
    }
}

impl From<CheckpointFailure> for Failure {
    fn from(failure: CheckpointFailure) -> Self {
        match failure {
            CheckpointFailure::Store(error) => error.into(),
            CheckpointFailure::Sign(error) => Self::internal(&error),
            CheckpointFailure::Head(_) | CheckpointFailure::OtherKeys => {
                Self::new(ProblemCode::Unavailable, failure.to_string()).retry_after(5)
            }
        }
    }
}

/// Why the head was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Head(String),
    #[error(transparent)]
    Sign(#[from] CheckpointError),
    #[error(
        "the keys were changed at another server: copy the new ones here, and start this one again"
    )]
    OtherKeys,
}
