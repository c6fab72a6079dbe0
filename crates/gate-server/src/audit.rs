//! The audit log of this server: every record is appended in the transaction
//! of the change that it tells of, and the log's head is signed.

use std::borrow::Cow;

use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    AuditRecord, Checkpoint, CheckpointError, KeptPayload, RecordType, is_erasable, owner_of,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::clock;
use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::log::{self, Head, Pending};
use crate::store::{StoreError, server};

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
    /// Signs a head of the log.
    pub(crate) fn sign_head(&self, head: &Head) -> Result<String, CheckpointError> {
        let checkpoint = Checkpoint {
            origin: self.names.log_origin.clone(),
            size: head.tree.size(),
            root: head.tree.root(),
        };
        checkpoint.sign(&[&self.keys.log])
    }

    /// Signs and stores the head, if records came since the last time.
    pub(crate) async fn checkpoint(&self) -> Result<(), CheckpointFailure> {
        let (mut writer, head) = self.writer().await?;
        let connection = writer.connection();
        let head = match head {
            Some(head) => head,
            None => log::head(connection).await?,
        };
        let size = head.tree.size();
        let names = server::names(connection).await?;
        let known = names.and_then(|names| names.keys);
        if known.is_some_and(|known| known != self.keys.print()) {
            return Err(CheckpointFailure::OtherKeys);
        }
        if size > log::checkpointed(connection).await? {
            let note = self.sign_head(&head)?;
            log::insert_checkpoint(connection, size, &note, clock::now()).await?;
            writer.commit().await?;
        }
        Ok(())
    }

    /// Signs the head again and again, until dropped.
    pub(crate) async fn checkpoint_regularly(self) {
        loop {
            self.beats.beat(Task::Checkpoints);
            if let Err(error) = self.checkpoint().await {
                tracing::error!(%error, "the log's head was not signed");
            }
            self.ask_witnesses().await;
            tokio::time::sleep(self.settings.leases.checkpoint).await;
        }
    }
}

impl From<Failure> for CheckpointFailure {
    fn from(failure: Failure) -> Self {
        Self::Head(failure.detail().to_owned())
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
